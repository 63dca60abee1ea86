"""Stripe's intents and refunds: their states, their events, and its refusals."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.fake_stripe import objects
from tools.fake_stripe.cards import Card
from tools.fake_stripe.customers import Customers
from tools.fake_stripe.refusals import SEARCH, SEARCH_LAG_SECONDS, Refusal, invalid
from tools.fake_stripe.store import Body, Store, now
from tools.fake_stripe.ways import LEAVES_SEPA_DEBIT, NOT_REFUNDABLE, Activated, next_action

API_VERSION = "2026-10-28.endive"
LEAST = 50
DIGITS = 8
MORE_DIGITS = {"inr": 9, "cop": 10, "huf": 10, "jpy": 10, "lbp": 11, "idr": 12}
"""Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts."""

EXPANDABLE = {"latest_charge": "charge", "payment_method": "payment_method"}

TAKEN_BESIDES = ("us_bank_account", "sepa_debit")
"""Types that stand for anything else that an account may have activated."""

NO_TYPES = (
    "No valid payment method types for this Payment Intent. Please ensure that you have activated payment methods"
    " compatible with your chosen currency in your dashboard (https://dashboard.stripe.com/settings/payment_methods)"
    " or specify payment_method_types."
)

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*CONFIRMABLE, "requires_capture")
"""Stripe cancels a processing intent only "in rare cases". Source: https://docs.stripe.com/api/payment_intents/cancel."""


@dataclass
class Gateway:
    """One account at Stripe."""

    store: Store
    tell: Callable[[Body], None]
    """Receives every event."""
    account_id: str = "acct_test"

    def __post_init__(self) -> None:
        self.customers = Customers(self.store, lambda type, about: self._emit(type, about, None))
        self.activated = Activated()

    def create(self, params: Body, key: str | None) -> Body:
        """Create an intent."""
        _hold_amount(params["amount"], params["currency"])
        if params.get("customer") is not None:
            self.customers.named(params["customer"])
        params = {**params, "metadata": _merged({}, params.get("metadata"))}
        types = self._types_of(params)
        hold_descriptor(params, types)
        intent = objects.payment_intent(self.store.new_id("pi"), params, types)
        intent["allowed_payment_method_types"] = params.get("allowed_payment_method_types")
        self._emit("payment_intent.created", intent, key)
        return self.store.put(intent)

    def update(self, id: str, params: Body, key: str | None) -> Body:
        """Change an intent; its amount only before it is confirmed."""
        intent = self.intent(id)
        values = {name: value for name, value in params.items() if name != "metadata"}
        if values and intent["status"] not in CONFIRMABLE:
            raise self._unexpected(intent)
        if "amount" in values:
            _hold_amount(values["amount"], intent["currency"])
        if "customer" in values:
            self._may_set_customer(intent, values["customer"])
        hold_descriptor(values, intent["payment_method_types"])
        intent |= values
        intent["payment_method_types"] = self._types_still_of(intent)
        intent["metadata"] = _merged(intent["metadata"], params.get("metadata"))
        return self.store.put(intent)

    def _types_of(self, params: Body) -> list[str]:
        types = self.activated.compatible(params, params.get("allowed_payment_method_types"))
        if not types and params.get("automatic_payment_methods"):
            error = {"type": "invalid_request_error", "message": NO_TYPES}
            raise Refusal(400, error)
        return types

    def _types_still_of(self, intent: Body) -> list[str]:
        return self.activated.compatible(intent, intent["allowed_payment_method_types"])

    def _may_set_customer(self, intent: Body, customer: str) -> None:
        """Refuse another customer, or the same one again.

        "You cannot modify `customer` on a PaymentIntent once it already has been set."
        """
        if intent["customer"] is not None:
            raise invalid("payment_intent_invalid_parameter", param="customer")
        self.customers.named(customer)

    def confirm(self, id: str, params: Body, key: str | None) -> Body:
        """Authorize an intent with a payment method."""
        intent = self.intent(id)
        if intent["status"] not in CONFIRMABLE:
            raise self._unexpected(intent)
        automatic = intent["automatic_payment_methods"] or {}
        may_redirect = automatic and automatic.get("allow_redirects", "always") == "always"
        if may_redirect and "return_url" not in params:
            raise invalid("parameter_missing", param="return_url")
        if params.get("off_session") and intent["setup_future_usage"]:
            # "You cannot confirm with the `off_session` parameter when `setup_future_usage` is also set".
            raise invalid("payment_intent_invalid_parameter", param="off_session")
        if intent["customer"] is not None:
            self.customers.named(intent["customer"])
        method, card = self._paid_with(intent, params)
        intent |= {"payment_method": method, "next_action": None, "last_payment_error": None}
        is_alone = bool(params.get("off_session"))
        if card.code is not None or (is_alone and card.demands_customer):
            raise self._declined(intent, card, key)
        if card.demands_action and not is_alone:
            return self._demand_action(intent, card, params, key)
        if card.status == "processing":
            intent |= {"status": "processing", "processing": {"type": card.type}}
            self._emit("payment_intent.processing", intent, key)
            return self.store.put(intent)
        return self._authorized(intent, card, key)

    def _paid_with(self, intent: Body, params: Body) -> tuple[str, Card]:
        """Return what an intent is confirmed with; refuse a type that it does not accept."""
        brought = params.get("payment_method_data", {}).get("type")
        if brought is not None and brought in intent["payment_method_types"]:
            method = self.customers.made(brought)
        else:
            method = params.get("payment_method") or intent["payment_method"] or ""
        card = self.customers.card(method)
        if card is None:
            raise invalid("resource_missing", param="payment_method")
        if brought is None:
            self.customers.hold(method, intent["customer"])
        is_taken = card.type in intent["payment_method_types"] or card.type in TAKEN_BESIDES
        if not is_taken:
            raise invalid("payment_intent_invalid_parameter", param="payment_method")
        code = params.get("payment_method_options", {}).get("blik", {}).get("code")
        if card.type == "blik" and not (code and len(code) == 6 and code.isdecimal()):
            raise invalid("parameter_missing", param="payment_method_options[blik][code]")
        return method, card

    def authenticate(self, id: str, *, succeeds: bool) -> Body:
        """Let the customer complete their action, or fail."""
        if id.startswith("seti_"):
            return self.customers.authenticate(id, succeeds=succeeds)
        intent = self.intent(id)
        if intent["status"] != "requires_action":
            raise self._unexpected(intent)
        card = self._card(intent["payment_method"])
        intent["next_action"] = None
        if succeeds:
            return self._authorized(intent, card, None)
        error = {
            "type": "invalid_request_error",
            "code": "payment_intent_authentication_failure",
            "message": "The customer failed.",
            "payment_method": {"id": intent["payment_method"], "object": "payment_method"},
        }
        return self._failed(intent, error, None)

    def settle(self, id: str, *, succeeds: bool) -> Body:
        """End a processing intent, or let a refund fail that had succeeded."""
        if id.startswith("re_"):
            return self._settle_refund(id, succeeds=succeeds)
        intent = self.intent(id)
        if intent["status"] != "processing":
            raise self._unexpected(intent)
        intent["processing"] = None
        if succeeds:
            return self._authorized(intent, self._card(intent["payment_method"]), None)
        error = {
            "type": "card_error",
            "code": "payment_intent_payment_attempt_failed",
            "message": "Failed.",
        }
        return self._failed(intent, error, None)

    def _settle_refund(self, id: str, *, succeeds: bool) -> Body:
        refund = self._found(id, "refund")
        intent = self.intent(refund["payment_intent"])
        refund["status"] = "succeeded" if succeeds else "failed"
        if succeeds:
            self.store.note(
                "refund", intent, refund["amount"], refund["metadata"].get("tillgraph_operation")
            )
        else:
            refund["failure_reason"] = "expired_or_canceled_card"
            self.store.note("refund_failed", intent, refund["amount"], None)
        self.store.put(refund)
        self._emit("refund.updated" if succeeds else "refund.failed", refund, None)
        return refund

    def dispute(self, id: str, given: Body) -> Body:
        """Let the customer dispute a payment, or a part of it."""
        charge = self._found(self.intent(id)["latest_charge"], "charge")
        self.store.put({**charge, "disputed": True})
        made = objects.dispute(self.store.new_id("dp"), charge, given["reason"], given["status"])
        made |= {key: given[key] for key in ("amount", "is_charge_refundable") if key in given}
        self.store.put(made)
        self._emit("charge.dispute.created", made, None)
        self._tell_of_funds(made, was_charged_back=False)
        return made

    def decide(self, id: str, *, status: str) -> Body:
        """Change a dispute's status."""
        is_refundable = status not in objects.CHARGED_BACK
        known = self._found(id, "dispute")
        dispute = self.store.put(
            {
                **known,
                "status": status,
                "is_charge_refundable": is_refundable,
            }
        )
        is_over = status in ("won", "lost", "warning_closed")
        self._emit("charge.dispute.closed" if is_over else "charge.dispute.updated", dispute, None)
        self._tell_of_funds(dispute, was_charged_back=known["status"] in objects.CHARGED_BACK)
        return dispute

    def _tell_of_funds(self, dispute: Body, *, was_charged_back: bool) -> None:
        """Report that a dispute took money, or gave it back."""
        is_charged_back = dispute["status"] in objects.CHARGED_BACK
        if is_charged_back and not was_charged_back:
            self._emit("charge.dispute.funds_withdrawn", dispute, None)
        if was_charged_back and not is_charged_back:
            self._emit("charge.dispute.funds_reinstated", dispute, None)

    def disputes(self, intent_id: str) -> list[Body]:
        """Return an intent's disputes, newest first."""
        self._named(intent_id)
        return [one for one in self.store.each("dispute") if one["payment_intent"] == intent_id]

    def capture(self, id: str, params: Body, key: str | None) -> Body:
        """Capture an authorized amount."""
        intent = self.intent(id)
        if intent["status"] != "requires_capture":
            raise self._unexpected(intent)
        amount: int = params.get("amount_to_capture") or intent["amount_capturable"]
        if not 0 < amount <= intent["amount_capturable"]:
            raise invalid("amount_too_large", param="amount_to_capture")
        charge = self._found(intent["latest_charge"], "charge")
        is_final = params.get("final_capture", True)
        if not is_final and not objects.has_multicapture(charge):
            raise invalid("parameter_invalid", param="final_capture")
        intent["metadata"] = _merged(intent["metadata"], params.get("metadata"))
        intent["amount_received"] += amount
        intent["amount_capturable"] = 0 if is_final else intent["amount_capturable"] - amount
        self.store.note("capture", intent, amount, key)
        charge |= {"amount_captured": intent["amount_received"], "captured": True}
        self._emit("charge.captured", self.store.put(charge), key)
        if intent["amount_capturable"] == 0:
            intent["status"] = "succeeded"
            self._emit("payment_intent.succeeded", intent, key)
        else:
            self._emit("payment_intent.amount_capturable_updated", intent, key)
        return self.store.put(intent)

    def lapse(self, id: str) -> Body:
        """Let an authorization expire; a partly captured one succeeds, and the rest is given back.

        Source: https://docs.stripe.com/payments/multicapture, final capture.
        """
        intent = self.intent(id)
        if intent["status"] != "requires_capture":
            raise self._unexpected(intent)
        if intent["amount_received"] == 0:
            # Source: https://docs.stripe.com/api/events/types, charge.expired.
            self._emit("charge.expired", self._found(intent["latest_charge"], "charge"), None)
            return self.cancel(id, {"cancellation_reason": "expired"}, None)
        charge = self._found(intent["latest_charge"], "charge")
        charge["payment_method_details"]["card"]["capture_before"] = now()
        self.store.put(charge)
        self.store.note("cancel", intent, intent["amount_capturable"], None)
        intent |= {"status": "succeeded", "amount_capturable": 0}
        self._emit("payment_intent.succeeded", intent, None)
        return self.store.put(intent)

    def cancel(self, id: str, params: Body, key: str | None) -> Body:
        """Cancel an intent, and give back its authorized amount."""
        intent = self.intent(id)
        if intent["status"] not in CANCELABLE:
            raise self._unexpected(intent)
        if intent["amount_capturable"]:
            self.store.note("cancel", intent, intent["amount_capturable"], key)
        is_captured = intent["amount_received"] > 0
        intent |= {
            "status": "succeeded" if is_captured else "canceled",
            "amount_capturable": 0,
            "canceled_at": now(),
            "cancellation_reason": params.get("cancellation_reason"),
            "next_action": None,
        }
        self._emit("payment_intent.canceled", intent, key)
        return self.store.put(intent)

    def refund(self, params: Body, key: str | None) -> Body:
        """Refund a captured amount."""
        intent = self._named(params["payment_intent"])
        left = intent["amount_received"] - sum(
            one["amount"]
            for one in self.refunds(intent["id"])
            if one["status"] not in ("failed", "canceled")
        )
        if intent["amount_received"] == 0:
            raise invalid("payment_intent_unexpected_state", payment_intent=intent)
        if not all(one["is_charge_refundable"] for one in self.disputes(intent["id"])):
            # Source: https://docs.stripe.com/error-codes#charge-disputed ("has been charged back").
            raise invalid("charge_disputed")
        if left == 0:
            raise invalid("charge_already_refunded")
        amount = params.get("amount", left)
        if not 0 < amount <= left:
            raise invalid("amount_too_large", param="amount")
        card = self._card(intent["payment_method"])
        if card.type in NOT_REFUNDABLE:
            raise invalid("charge_not_refundable")
        status = "pending" if card.refund == "pending" else "succeeded"
        params = {**params, "metadata": _merged({}, params.get("metadata"))}
        refund = objects.refund(self.store.new_id("re"), intent, params, amount, status)
        if status == "succeeded":
            self.store.note("refund", intent, amount, key)
        self._emit("refund.created", refund, key)
        charge = self._found(intent["latest_charge"], "charge")
        charge |= {
            "amount_refunded": charge["amount_refunded"] + amount,
            "refunded": amount == left,
        }
        self._emit("charge.refunded", self.store.put(charge), key)
        return self.store.put(refund)

    def refunds(self, intent_id: str) -> list[Body]:
        """Return an intent's refunds, newest first."""
        self._named(intent_id)
        return [one for one in self.store.each("refund") if one["payment_intent"] == intent_id]

    def search(self, query: str) -> list[Body]:
        """Return intents by a value of their metadata."""
        matched = SEARCH.fullmatch(query)
        if matched is None:
            raise invalid("parameter_invalid", param="query")
        return [
            one
            for one in self.store.each("payment_intent")
            if one["metadata"].get(matched[1]) == matched[2]
            and one["created"] < now() - SEARCH_LAG_SECONDS
        ]

    def intents(self, customer: str | None) -> list[Body]:
        """Return intents, newest first, of one customer where one is named."""
        if customer is not None:
            self.customers.named(customer)
        return [
            one for one in self.store.each("payment_intent") if customer in (None, one["customer"])
        ]

    def intent(self, id: str) -> Body:
        """Return an intent."""
        return self._found(id, "payment_intent", param="intent")

    def _named(self, id: str) -> Body:
        """Return an intent that another request names in its parameters."""
        return self._found(id, "payment_intent", param="payment_intent")

    def account(self) -> Body:
        """Return the account that the key belongs to."""
        return objects.account(self.account_id)

    def shown(self, body: Body, expand: list[str]) -> Body:
        """Return an object with the parts that a request wants expanded."""
        names = {name.removeprefix("data.") for name in expand}
        for name, kind in EXPANDABLE.items():
            if name in names and body.get(name):
                body = {**body, name: self.store.get(body[name], kind) or body[name]}
        return body

    def _card(self, method: str) -> Card:
        card = self.customers.card(method)
        assert card is not None
        return card

    def _authorized(self, intent: Body, card: Card, key: str | None) -> Body:
        generated = None
        if intent["setup_future_usage"] and intent["customer"]:
            if card.type in LEAVES_SEPA_DEBIT:
                generated = self.customers.made("sepa_debit", intent["customer"])
            else:
                method = self.customers.attached(intent["payment_method"], intent["customer"])
                intent["payment_method"] = method
        charge = objects.charge(
            self.store.new_id("ch"), intent, card, intent["payment_method"], generated=generated
        )
        self.store.put(charge)
        intent |= {"latest_charge": charge["id"], "last_payment_error": None}
        self.store.note("authorize", intent, intent["amount"], key)
        if intent["capture_method"] == "manual":
            intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
            self._emit("payment_intent.amount_capturable_updated", intent, key)
        else:
            intent |= {"status": "succeeded", "amount_received": intent["amount"]}
            self._emit("payment_intent.succeeded", intent, key)
        return self.store.put(intent)

    def _demand_action(self, intent: Body, card: Card, params: Body, key: str | None) -> Body:
        intent["status"] = "requires_action"
        intent["next_action"] = next_action(intent, card, params)
        self._emit("payment_intent.requires_action", intent, key)
        return self.store.put(intent)

    def _declined(self, intent: Body, card: Card, key: str | None) -> Refusal:
        code = card.code or "authentication_required"
        failure = {
            "type": "card_error",
            "code": code,
            "decline_code": card.decline_code or code,
            "message": "Your card was declined.",
            "payment_method": {"id": intent["payment_method"], "object": "payment_method"},
        }
        charge = objects.charge(
            self.store.new_id("ch"), intent, card, intent["payment_method"], failure=failure
        )
        self.store.put(charge)
        intent = self._failed(
            {**intent, "latest_charge": charge["id"]}, {**failure, "charge": charge["id"]}, key
        )
        return Refusal(402, {**failure, "charge": charge["id"], "payment_intent": intent})

    def _failed(self, intent: Body, error: Body, key: str | None) -> Body:
        intent |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_payment_error": error,
        }
        self._emit("payment_intent.payment_failed", intent, key)
        return self.store.put(intent)

    def _unexpected(self, intent: Body) -> Refusal:
        return invalid("payment_intent_unexpected_state", payment_intent=intent)

    def _found(self, id: str, kind: str, *, param: str = "id") -> Body:
        found = self.store.get(id, kind)
        if found is None:
            raise invalid("resource_missing", param=param, status=404)
        return found

    def _emit(self, type: str, about: Body, key: str | None) -> None:
        event = objects.event(self.store.new_id("evt"), type, about, API_VERSION, key)
        self.tell(self.store.put(event))


def hold_descriptor(params: Body, types: list[str]) -> None:
    """Refuse a whole descriptor where cards are among the types.

    "The statement_descriptor parameter is not supported for the payment_method_type `card`":
    https://support.stripe.com/questions/use-of-the-statement-descriptor-parameter-on-paymentintents-for-card-charges.
    """
    descriptor = params.get("statement_descriptor")
    if descriptor is None:
        return
    # Between 5 and 22 characters: https://docs.stripe.com/get-started/account/statement-descriptors.
    if "card" in types or not 5 <= len(descriptor) <= 22:
        raise invalid("payment_intent_invalid_parameter", param="statement_descriptor")


def _hold_amount(amount: int, currency: str) -> None:
    if amount < LEAST:
        raise invalid("amount_too_small", param="amount")
    if len(str(amount)) > MORE_DIGITS.get(currency, DIGITS):
        raise invalid("amount_too_large", param="amount")


def _merged(metadata: Body, more: Body | None) -> Body:
    """Return changed metadata within its limits. Source: https://docs.stripe.com/api/metadata."""
    found = {**metadata, **(more or {})}
    found = {key: value for key, value in found.items() if value != ""}
    is_too_long = any(len(key) > 40 or len(value) > 500 for key, value in found.items())
    if is_too_long or len(found) > 50:
        raise invalid("parameter_invalid", param="metadata")
    return found
