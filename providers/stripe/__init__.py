"""Stripe, through its own SDK: one provider for everything that an account offers, and one for each payment method."""

from collections.abc import Sequence

from payments.ports.provider import Provider
from providers.settings import ProviderSettings


def create(settings: ProviderSettings) -> Sequence[Provider]:
    """Return the providers if a secret key is set."""
    if settings.stripe is None:
        return ()
    # The SDK takes a quarter of a second to import, which installations without a key need not wait for.
    from providers.stripe.account import Account  # noqa: PLC0415
    from providers.stripe.connection import Connection  # noqa: PLC0415
    from providers.stripe.methods import METHODS  # noqa: PLC0415
    from providers.stripe.provider import StripeProvider  # noqa: PLC0415
    from providers.stripe.saving import SavingStripeProvider  # noqa: PLC0415

    connection = Connection(
        settings.stripe.secret_key, settings.stripe.api_base, settings.read_seconds
    )
    account = Account(connection)
    return [
        (SavingStripeProvider if method.keeps_methods else StripeProvider)(
            method, settings.stripe, connection, account
        )
        for method in METHODS
    ]
