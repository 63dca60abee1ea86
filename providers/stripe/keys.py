"""An operation's keys at Stripe: its id first, and further ones where a kept answer stands in the way."""

from payments.model.outcomes import Ask
from payments.model.statuses import OperationKind

LIFE_SECONDS = 23 * 3_600.0
"""Stripe forgets a key when it is a day old: https://docs.stripe.com/api/idempotent_requests."""


def may_have_further(ask: Ask) -> bool:
    """Return whether nothing came of an ask at an earlier step either, and a further one can't move money twice.

    An intent is canceled once, and captured once by what leaves nothing of it. A capture that leaves the rest could be
    done twice, and so could a refund. Every second ask sends a further key: the one between reads, a step later, what
    came of that, so that nothing is taken for absent that was sent just now.
    """
    is_capture = ask.kind is OperationKind.CAPTURE and ask.releases_rest
    is_once = is_capture or ask.kind is OperationKind.CANCEL
    return is_once and ask.absent_times > 0 and ask.number % 2 == 0


def further(ask: Ask) -> str:
    """Name a key of the same operation that Stripe has no answer for yet: of this ask alone, whoever sends it."""
    return f"{ask.key}:{ask.number}"
