"""The parameters of a refund at Stripe."""

from stripe.params import RefundCreateParams

from payments.model.outcomes import Ask
from providers.stripe.intents import OPERATION_KEY, SESSION_KEY

REASON_KEY = "tillgraph_reason"
"""The key in a refund's metadata: the code of its reason, whether it is one of Stripe's or not."""


def refund_params(ask: Ask, intent_id: str, amount: int) -> RefundCreateParams:
    """Return the parameters of a refund, which is found by its metadata later."""
    metadata = {OPERATION_KEY: ask.key, SESSION_KEY: ask.session_id}
    if ask.refund_reason is not None:
        metadata[REASON_KEY] = ask.refund_reason
    params: RefundCreateParams = {
        "payment_intent": intent_id,
        "amount": amount,
        "metadata": metadata,
    }
    match ask.refund_reason:
        case "duplicate" | "fraudulent" | "requested_by_customer" as reason:
            params["reason"] = reason
        case _:
            pass
    return params
