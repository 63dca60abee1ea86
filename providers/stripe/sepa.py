"""SEPA direct debits that iDEAL and Bancontact leave for later payments, as they can be used only once themselves.

Source: https://docs.stripe.com/payments/ideal/save-during-payment.
"""

from payments.model.outcomes import PaidWith

LEAVING = frozenset({"bancontact", "ideal", "sofort"})


def left_by(details: object) -> tuple[str, PaidWith] | None:
    """Return the debit that a charge or a saving left, by its details: Stripe's id of it, and what may be shown."""
    way = getattr(details, str(getattr(details, "type", None)), None)
    found = getattr(way, "generated_sepa_debit", None)
    reference = getattr(found, "id", found)
    if not isinstance(reference, str):
        return None
    last_four = getattr(way, "iban_last4", None)
    label = f"SEPA debit ending in {last_four or '????'}"
    return reference, PaidWith("sepa_debit", label, last_four=last_four)
