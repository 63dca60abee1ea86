"""Stripe's customers: their attached payment methods, and the creation of those."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.fake_stripe import objects
from tools.fake_stripe.cards import CARDS, Card
from tools.fake_stripe.refusals import SEARCH, SEARCH_LAG_SECONDS, Refusal, invalid
from tools.fake_stripe.store import Body, Store, now
from tools.fake_stripe.ways import behaviour_of

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


@dataclass
class Customers:
    """The customers of one account."""

    store: Store
    emit: Callable[[str, Body], None]
    """Receives every event about a saving."""

    def create(self, params: Body) -> Body:
        """Create a customer."""
        return self.store.put(objects.customer(self.store.new_id("cus"), params))

    def update(self, id: str, params: Body) -> Body:
        """Change a customer; an empty text unsets."""
        values = {name: value or None for name, value in params.items() if name != "metadata"}
        return self.store.put({**self._there(id), **values})

    def delete(self, id: str) -> Body:
        """Delete a customer, with what is attached to them."""
        self._there(id)
        for method in self.methods(id):
            self.store.put({**method, "customer": None})
        return self.store.put({"id": id, "object": "customer", "deleted": True})

    def customer(self, id: str) -> Body:
        """Return a customer; a deleted one is marked as such: https://docs.stripe.com/api/customers/retrieve."""
        return self._found(id, "customer")

    def named(self, id: str) -> Body:
        """Return a customer that another request names in its parameters; a deleted one does not exist."""
        found = self.store.get(id, "customer")
        if found is None or found.get("deleted"):
            raise invalid("resource_missing", param="customer")
        return found

    def _there(self, id: str) -> Body:
        found = self.customer(id)
        if found.get("deleted"):
            raise invalid("resource_missing", param="id", status=404)
        return found

    def search(self, query: str) -> list[Body]:
        """Return customers by a value of their metadata."""
        matched = SEARCH.fullmatch(query)
        if matched is None:
            raise invalid("parameter_invalid", param="query")
        return [
            one
            for one in self.store.each("customer")
            if not one.get("deleted")
            and one["metadata"].get(matched[1]) == matched[2]
            and one["created"] < now() - SEARCH_LAG_SECONDS
        ]

    def all(self, email: str | None) -> list[Body]:
        """Return customers, newest first, of one e-mail address where one is named."""
        there = [one for one in self.store.each("customer") if not one.get("deleted")]
        return [one for one in there if email in (None, one["email"])]

    def method(self, id: str) -> Body:
        """Return a payment method."""
        return self._found(id, "payment_method")

    def methods(self, customer: str) -> list[Body]:
        """Return a customer's attached payment methods, newest first."""
        return [one for one in self.store.each("payment_method") if one["customer"] == customer]

    def card(self, method: str) -> Card | None:
        """Return a payment method's behaviour: of one of Stripe's for tests, or of one made of it."""
        stored = self.store.get(method, "payment_method")
        if stored is not None and stored["type"] != "card":
            return behaviour_of(stored["type"])
        return CARDS.get(method if stored is None else stored["card"]["fingerprint"])

    def made(self, type: str, customer: str | None = None) -> str:
        """Create a payment method that is not a card; return its id."""
        card = behaviour_of(type)
        if card is None:
            raise invalid("parameter_invalid", param="payment_method_data[type]")
        return str(
            self.store.put(objects.other_method(self.store.new_id("pm"), card, customer))["id"]
        )

    def attached(self, method: str, customer: str) -> str:
        """Attach a payment method to a customer; one of Stripe's for tests is copied first. Return its id."""
        stored = self.store.get(method, "payment_method")
        if stored is not None and stored["customer"] != customer:
            # A payment method that was detached, or belongs to another customer, can't be used again.
            raise invalid("payment_method_unexpected_state", param="payment_method")
        if stored is None:
            id, card = self.store.new_id("pm"), CARDS[method]
            stored = self.store.put(objects.payment_method(id, card, method, customer))
        return str(stored["id"])

    def hold(self, method: str, customer: str | None) -> None:
        """Refuse a payment method that belongs to another customer, or was detached."""
        stored = self.store.get(method, "payment_method")
        if stored is not None and stored["customer"] != customer:
            raise invalid("payment_method_unexpected_state", param="payment_method")

    def detach(self, id: str) -> Body:
        """Detach a payment method from its customer."""
        method = self.method(id)
        if method["customer"] is None:
            raise invalid("payment_method_unexpected_state", param="payment_method")
        return self.store.put({**method, "customer": None})

    def create_setup(self, params: Body) -> Body:
        """Create a setup intent."""
        if params.get("customer") is not None:
            self.named(params["customer"])
        setup = self.store.put(objects.setup_intent(self.store.new_id("seti"), params))
        self.emit("setup_intent.created", setup)
        return self.confirm_setup(setup["id"], params) if params.get("confirm") else setup

    def confirm_setup(self, id: str, params: Body) -> Body:
        """Save a payment method, or let the customer authenticate first."""
        setup = self.setup(id)
        if setup["status"] not in CONFIRMABLE:
            raise invalid("setup_intent_unexpected_state")
        method = params.get("payment_method") or setup["payment_method"]
        if setup["customer"] is not None:
            self.named(setup["customer"])
        card = self.card(method or "")
        if method is None or card is None:
            raise invalid("resource_missing", param="payment_method")
        setup |= {"payment_method": method, "last_setup_error": None, "next_action": None}
        if card.code is not None:
            raise self._declined(setup, card)
        if card.demands_action:
            setup |= {
                "status": "requires_action",
                "next_action": {
                    "type": "use_stripe_sdk",
                    "use_stripe_sdk": {"type": "three_d_secure_redirect"},
                },
            }
            return self.store.put(setup)
        return self._saved(setup)

    def authenticate(self, id: str, *, succeeds: bool) -> Body:
        """Let the customer complete their action, or fail."""
        setup = self.setup(id)
        if setup["status"] != "requires_action":
            raise invalid("setup_intent_unexpected_state")
        setup["next_action"] = None
        if succeeds:
            return self._saved(setup)
        error = {
            "type": "invalid_request_error",
            "code": "setup_intent_authentication_failure",
            "message": "The customer failed.",
        }
        return self._failed(setup, error)

    def setup(self, id: str) -> Body:
        """Return a setup intent."""
        return self._found(id, "setup_intent")

    def setups(self, customer: str) -> list[Body]:
        """Return a customer's setup intents, newest first."""
        return [one for one in self.store.each("setup_intent") if one["customer"] == customer]

    def _saved(self, setup: Body) -> Body:
        method = setup["payment_method"]
        if setup["customer"] is not None:
            method = self.attached(method, setup["customer"])
        setup = self.store.put({**setup, "status": "succeeded", "payment_method": method})
        self.emit("setup_intent.succeeded", setup)
        return setup

    def _failed(self, setup: Body, error: Body) -> Body:
        setup |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_setup_error": error,
        }
        self.emit("setup_intent.setup_failed", setup)
        return self.store.put(setup)

    def _declined(self, setup: Body, card: Card) -> Refusal:
        error = {
            "type": "card_error",
            "code": card.code,
            "decline_code": card.decline_code,
            "message": "Your card was declined.",
        }
        return Refusal(402, {**error, "setup_intent": self._failed(setup, error)})

    def _found(self, id: str, kind: str) -> Body:
        found = self.store.get(id, kind)
        if found is None:
            raise invalid("resource_missing", param="id", status=404)
        return found
