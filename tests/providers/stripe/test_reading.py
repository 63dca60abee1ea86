"""The commands that read Stripe: what is busy or silent is read again, within bounds, and only what is taken."""

import pytest

from providers.stripe.lists import READ_TRIES
from providers.stripe.webhooks import TAKEN
from tests.providers.stripe.site import Site
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import capture

pytestmark = pytest.mark.once

SINCE = "2026-01-01T00:00:00Z"


def test_the_commands_read_again(own: Site) -> None:
    """`check` and `recover` come to their end although Stripe is busy, or silent, at each thing that they read."""
    payment = own.paid()
    capture(own.server, payment["id"])
    for fault in ("TOO_MANY", "DROP_BEFORE"):
        for name in ("retrieve", "refunds", "account"):
            own.stripe.fault(fault, name)
    assert own.server.command("check", "--provider", "stripe") == (
        0,
        "Every invariant holds.\n1 sessions compared with stripe, 0 differences.\n",
    )
    for fault in ("TOO_MANY", "DROP_BEFORE"):
        for name in ("events", "retrieve", "refunds"):
            own.stripe.fault(fault, name)
    assert own.server.command("recover", "--since", SINCE) == (0, "2 effects read, 0 recorded.\n")
    asked = [set(query["types"]) for query in own.stripe.queries("events")]
    assert set[str]().union(*asked) == TAKEN
    assert all(len(types) <= 20 for types in asked)


def test_a_command_gives_up(own: Site) -> None:
    """If Stripe stays busy for four tries, the command ends with a sentence that names the object."""
    reference = reference_of(own.payment(own.paid()["id"])["paymentSession"])
    own.stripe.fault("TOO_MANY", "retrieve", times=READ_TRIES)
    assert own.server.command("check", "--provider", "stripe") == (
        2,
        "Every invariant holds.\n"
        f"Not all was read: run it again. Stripe's {reference}: RateLimitError.\n",
    )
    assert own.server.command("check", "--provider", "stripe")[0] == 0
