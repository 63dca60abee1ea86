"""The adapter: each operation as one call of Stripe's API, and Stripe's answer as one of the domain's outcomes."""

from collections.abc import Mapping
from typing import assert_never

import stripe
import structlog
from stripe.params import PaymentIntentConfirmParams, PaymentIntentUpdateParams

from payments.model.entities import Payment
from payments.model.failures import FailureCode
from payments.model.money import AmountLimits
from payments.model.outcomes import (
    Absent,
    ActionRequired,
    Ask,
    Authorized,
    Declined,
    JsonObject,
    JsonValue,
    Moved,
    NotReached,
    Opened,
    Outcome,
    PaidWith,
    Processing,
    Report,
    Unknown,
)
from payments.model.statuses import OperationKind
from providers.settings import StripeSettings
from providers.stripe import amounts, captures, data, intents, keys, methods, openings, webhooks
from providers.stripe.account import Account
from providers.stripe.codes import AMOUNT_CODES, MOVED_CODES
from providers.stripe.connection import Connection
from providers.stripe.errors import Meaning, is_missing, log_error, meaning_of, outcome_of
from providers.stripe.methods import Method
from providers.stripe.records import ReadsRecords
from providers.stripe.refunds import refund_params

log = structlog.get_logger("stripe")


SLOW = frozenset({OperationKind.AUTHORIZE, OperationKind.CAPTURE})


class StripeProvider(ReadsRecords):
    """The provider for one payment method; all providers of one account share its connection."""

    gateway = "stripe"
    keeps_keys_seconds: float | None = keys.LIFE_SECONDS
    cancels_once: bool = True
    """Source: https://docs.stripe.com/api/payment_intents/cancel: a canceled intent refuses every operation."""

    def __init__(
        self, method: Method, settings: StripeSettings, connection: Connection, account: Account
    ) -> None:
        self.id = method.id
        self.name = method.name
        self.supported_currencies = method.currencies
        key = settings.publishable_key
        self.client_configuration: JsonObject = {} if key is None else {"publishableKey": key}
        self.browser_keys = data.browser_keys(method)
        self.is_retired = method.is_retired
        self.captures_once = not settings.has_multicapture
        self._method = method
        self._settings = settings
        self._connection = connection
        self.account = account

    def check(self, data_: Mapping[str, JsonValue]) -> None:
        """Check data against the documented keys; raises DataFault."""
        data.check(data_, self._method, self.account.descriptor_prefix)

    def limits(self, currency: str) -> AmountLimits:
        """Return Stripe's limits for one amount in a currency."""
        return amounts.limits(currency)

    def why_final(self, payment: Payment) -> str | None:
        """Return why a payment's next capture has to be its last one, as a sentence; None where it needn't."""
        limits = captures.why_final(payment.provider_record, payment.capture_count)
        return None if self.captures_once else limits

    def refund_obstacle(self, paid_with: PaidWith | None) -> str | None:
        """Return why a payment with this method can't be refunded; None where it can."""
        type_ = self._method.type or (None if paid_with is None else paid_with.type)
        return None if type_ is None else methods.NOT_REFUNDABLE.get(type_)

    def decide(self, ask: Ask) -> Outcome | None:
        """Decide nothing here: everything is decided at Stripe."""
        return None

    def longest_ask_seconds(self, kind: OperationKind) -> float:
        """Return how long a request may take: 21 seconds as shipped if an issuer or a wallet is contacted meanwhile."""
        return self._connection.slow_seconds if kind in SLOW else 0.0

    async def ask(self, ask: Ask) -> Outcome:
        """Ask Stripe once, with the operation's id as the idempotency key; another account gets no request."""
        if not await self.account.is_open():
            return NotReached()
        return await self._tried(ask, ask.key)

    async def _tried(self, ask: Ask, key: str) -> Outcome:
        try:
            outcome = await self._asked(ask, key)
        except stripe.StripeError as error:
            return await self._failed(ask, key, error)
        if ask.kind is not OperationKind.OPEN:
            # Any account accepts the opening of an intent.
            self.account.note_success()
        if isinstance(outcome, Processing):
            # A key that was sent before gets the same answer again: the current state is read.
            return await self.look_up(ask) or outcome
        return outcome

    async def _asked(self, ask: Ask, key: str) -> Outcome:
        match ask.kind:
            case OperationKind.OPEN:
                params = openings.new_intent(ask, self._method, self._settings)
                return self._opening(await self._connection.create(params, ask.key))
            case OperationKind.UPDATE:
                return await self._update(ask)
            case OperationKind.AUTHORIZE:
                return await self._authorize(ask)
            case OperationKind.CAPTURE:
                return await self._capture(ask, key)
            case OperationKind.REFUND:
                return await self._refund(ask)
            case OperationKind.CANCEL:
                return await self._cancel(ask, key)
        assert_never(ask.kind)

    async def _failed(self, ask: Ask, key: str, error: stripe.StripeError) -> Outcome:
        """Return what an error means; if the object can show the request's outcome, it decides."""
        event = "refused" if meaning_of(error) is Meaning.DECLINED else "no answer"
        log_error(event, error, operation_id=ask.key)
        if await self.account.is_to_blame(error):
            return NotReached()
        if ask.kind is OperationKind.OPEN and methods.has_none(error):
            return Declined(code=FailureCode.PROVIDER_DISABLED)
        if ask.kind in (OperationKind.OPEN, OperationKind.UPDATE) and error.code in AMOUNT_CODES:
            return Declined(code=AMOUNT_CODES[error.code])
        if meaning_of(error) is Meaning.DECLINED and error.code in MOVED_CODES:
            found = await self.look_up(ask)
            if found is None and ask.kind is OperationKind.CANCEL and key == ask.key:
                # It was processing when that was refused, and Stripe repeats the refusal for this key for a day.
                return await self._tried(ask, keys.further(ask))
            return found or outcome_of(error)
        if isinstance(error, stripe.APIError) and (error.http_status or 0) >= 500:
            return await self._ask_after_a_fault(ask, key)
        return outcome_of(error)

    async def _ask_after_a_fault(self, ask: Ask, key: str) -> Outcome:
        """Return the outcome of a request that got a 500, which Stripe repeats for its key from then on."""
        found = await self._what_came_of(ask)
        if found is None and key != ask.key:
            # It was sent just now, and not answered before: it may still happen.
            return Unknown()
        if found is None and keys.may_have_further(ask):
            return await self._tried(ask, keys.further(ask))
        return found or Absent()

    async def _what_came_of(self, ask: Ask) -> Outcome | None:
        """Return the outcome of a request whose answer is worthless; None where there is none yet.

        An intent that still waits for a payment method shows this attempt only if it failed with the same method;
        a BLIK code has none that is known here.
        """
        found = await self.look_up(ask)
        is_confirmed = data.confirmed_with(ask.data, ask.method_reference) is not None
        if ask.kind is not OperationKind.AUTHORIZE or not is_confirmed:
            return found
        if isinstance(found, Authorized | Processing | Unknown):
            return found
        intent = await self._intent_of(ask)
        is_waiting = intent is not None and intent.status in intents.WAITING
        method = _method_of(ask)
        is_its_failure = method is not None and intents.failed_method(intent) == method
        return None if is_waiting and not is_its_failure else found

    async def look_up(self, ask: Ask) -> Outcome | None:
        """Return an operation's outcome as Stripe has it."""
        try:
            return await self._read(ask)
        except stripe.StripeError as error:
            await self.account.is_to_blame(error)
            log.warning("not looked up", operation_id=ask.key, error=type(error).__name__)
            return Unknown()

    async def _read(self, ask: Ask) -> Outcome | None:
        if ask.kind is OperationKind.REFUND:
            refund = await self._connection.find_refund(_name(ask), ask.key)
            return await self._absent() if refund is None else intents.refund_of(refund)
        intent = await self._intent_of(ask)
        if intent is None:
            return await self._absent()
        match ask.kind:
            case OperationKind.OPEN:
                return self._opening_read(intent)
            case OperationKind.UPDATE:
                return await self._after_change(ask, intent) if _is_changed(ask, intent) else None
            case OperationKind.AUTHORIZE:
                return self._authorization(intent)
            case OperationKind.CAPTURE:
                return captures.capture_of(intent, ask.key)
            case OperationKind.CANCEL:
                is_paid = ask.payment_id is None and intent.status == "succeeded"
                if is_paid:
                    return self._authorization(intent)
                return intents.cancellation_of(intent, ask.amount)
        assert_never(ask.kind)

    async def _absent(self) -> Unknown | None:
        """Return the outcome of an unsuccessful search: None, but only in the account that the database knows."""
        return None if await self.account.confirm() else Unknown()

    async def _intent_of(self, ask: Ask) -> stripe.PaymentIntent | None:
        if ask.reference is not None:
            return await self._connection.intent(ask.reference)
        return await self._connection.find_intent(ask.session_id, _opened_for(ask))

    def _opening_read(self, intent: stripe.PaymentIntent) -> Outcome:
        """Return the outcome of an opening, and what the browser has done since."""
        outcome = self._authorization(intent)
        if isinstance(outcome, Authorized | Processing | Declined):
            return outcome
        return self._opening(intent)

    def _authorization(self, intent: stripe.PaymentIntent) -> Outcome:
        return intents.authorization_of(intent, self._settings.publishable_key)

    def _opening(self, intent: stripe.PaymentIntent) -> Outcome:
        if openings.is_left_out(intent, self._method):
            return Declined(code=FailureCode.PROVIDER_DISABLED, reference=intent.id)
        return self._opened(intent)

    def _opened(self, intent: stripe.PaymentIntent) -> Outcome:
        outcome = self._authorization(intent)
        action = outcome.action if isinstance(outcome, ActionRequired) else None
        client_data: JsonObject = {"paymentIntent": intent.id}
        return Opened(client_data=client_data, reference=intent.id, action=action)

    async def _update(self, ask: Ask) -> Outcome:
        params = openings.changed_intent(ask)
        return await self._after_change(
            ask, await self._connection.update(_name(ask), params, ask.key)
        )

    async def _after_change(self, ask: Ask, intent: stripe.PaymentIntent) -> Outcome:
        """Return the outcome of a change; an amount that its one payment method can't be used for is taken back."""
        if not openings.is_left_out(intent, self._method) or ask.amount_before is None:
            return self._opened(intent)
        try:
            await self._connection.update(intent.id, openings.taken_back(ask), f"{ask.key}:back")
        except stripe.StripeError as error:
            log_error("change not taken back", error, operation_id=ask.key)
            if not await self._is_taken_back(ask, intent.id):
                return Unknown()
        return Declined(code=FailureCode.PROVIDER_DISABLED)

    async def _is_taken_back(self, ask: Ask, id: str) -> bool:
        """Return whether a change is known to be taken back, whatever Stripe answered to that."""
        try:
            return not _is_changed(ask, await self._connection.intent(id))
        except stripe.StripeError:
            return False

    async def _authorize(self, ask: Ask) -> Outcome:
        """Confirm with the given payment method; without one, the browser confirms with Stripe's library."""
        method = data.confirmed_with(ask.data, ask.method_reference)
        if method is None:
            return await self._hand_to_browser(ask)
        if ask.holder_reference is not None:
            await self._give_customer(ask, ask.holder_reference)
        params: PaymentIntentConfirmParams = {**method}
        if ask.data.get("offSession") is True:
            params["off_session"] = True
        elif ask.return_url is None:
            params["use_stripe_sdk"] = True
        if ask.return_url is not None:
            params["return_url"] = ask.return_url
        return self._authorization(await self._connection.confirm(_name(ask), params, ask.key))

    async def _give_customer(self, ask: Ask, reference: str) -> None:
        """Set an intent's customer: a saved method pays for its own customer alone.

        An intent keeps its customer, and refuses even the same one again.
        """
        customer: PaymentIntentUpdateParams = {"customer": reference}
        try:
            await self._connection.update(_name(ask), customer, f"{ask.key}:customer")
        except stripe.InvalidRequestError as error:
            if error.param != "customer" or is_missing(error):
                raise
            intent = await self._connection.intent(_name(ask))
            if intent.customer != reference:
                raise

    async def _hand_to_browser(self, ask: Ask) -> Outcome:
        """Return the intent's state for the browser; an earlier attempt's failure is marked as answered."""
        intent = await self._connection.intent(_name(ask))
        mark = intents.failure_mark(intent)
        if intent.status in intents.WAITING and mark is not None:
            seen = {intents.SEEN_KEY: mark}
            key = f"{ask.key}:{mark}"
            intent = await self._connection.update(intent.id, {"metadata": seen}, key)
        return self._authorization(intent)

    async def _capture(self, ask: Ask, key: str) -> Outcome:
        amount = amounts.to_stripe(ask.amount)
        intent = await self._connection.capture(
            _name(ask),
            {
                "amount_to_capture": amount,
                "metadata": captures.note(ask.key, amount),
                **({} if self.captures_once else {"final_capture": ask.releases_rest}),
            },
            key,
        )
        if intent.status == "processing":
            return Processing(intent.id)
        return captures.answered(intent, ask.key)

    async def _refund(self, ask: Ask) -> Outcome:
        params = refund_params(ask, _name(ask), amounts.to_stripe(ask.amount))
        return intents.refund_of(await self._connection.refund(params, ask.key))

    async def _cancel(self, ask: Ask, key: str) -> Outcome:
        reason = "abandoned" if ask.payment_id is None else "requested_by_customer"
        intent = await self._connection.cancel(_name(ask), {"cancellation_reason": reason}, key)
        if intent.status == "succeeded":
            # It was captured in part: the rest was given back.
            return Moved(intents.rest_of(intent))
        return intents.cancellation_of(intent, ask.amount) or Unknown()

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report | None:
        """Verify a report's raw bytes and return the report."""
        webhooks.verify(self._settings.webhook_secrets, headers, body)
        return webhooks.read(body, is_live=self._connection.is_live)

    def parse_report(self, body: bytes) -> Report:
        """Return a report that was verified before."""
        report = webhooks.read(body, is_live=self._connection.is_live)
        assert report is not None, "only what is about an intent is kept"
        return report

    async def open(self) -> None:
        """Do nothing: a connection is made when it is needed."""

    async def close(self) -> None:
        """Close the connections, which all payment methods share."""
        await self._connection.close()


def _method_of(ask: Ask) -> str | None:
    return ask.method_reference or data.payment_method_of(ask.data)


def _is_changed(ask: Ask, intent: stripe.PaymentIntent) -> bool:
    return intents.metadata_of(intent).get(intents.OPERATION_KEY) == ask.key


def _opened_for(ask: Ask) -> str | None:
    """Return the customer that a session's intent was opened for, if it is known."""
    return ask.holder_reference if ask.kind is OperationKind.OPEN else None


def _name(ask: Ask) -> str:
    """Return Stripe's id of the session's intent; without an opening there is no operation on it."""
    assert ask.reference is not None
    return ask.reference
