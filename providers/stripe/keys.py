"""An operation's keys at Stripe: its id first, and further ones if a stored answer blocks that."""

from payments.model.outcomes import Ask
from payments.model.statuses import OperationKind

LIFE_SECONDS = 23 * 3_600.0
"""Stripe forgets a key when it is a day old: https://docs.stripe.com/api/idempotent_requests."""


def may_have_further(ask: Ask) -> bool:
    """Return whether an earlier request was found to have done nothing, and another one can't move money twice.

    An intent is canceled once, and captured once if nothing is left. A partial capture could happen twice,
    and so could a refund. Every second request sends a further key: the one between reads its result one step later,
    so that a request sent just now is not taken for absent.
    """
    is_capture = ask.kind is OperationKind.CAPTURE and ask.releases_rest
    is_once = is_capture or ask.kind is OperationKind.CANCEL
    return is_once and ask.absent_times > 0 and ask.number % 2 == 0


def further(ask: Ask) -> str:
    """Return a key of the same operation that Stripe has no answer for yet: of this request alone, whoever sends it."""
    return f"{ask.key}:{ask.number}"
