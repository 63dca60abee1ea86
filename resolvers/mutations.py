"""The mutations: each parses its input, runs the flow and shows the outcome as a member of its union."""

from typing import assert_never

import strawberry

from payments import (
    authorizing,
    cancelling,
    collections,
    marking,
    movements,
    providers,
    sessions,
    settling,
)
from payments.errors import Refused
from payments.ids import PAYMENT, SESSION, PaymentId, ProviderId, SessionId, is_id
from resolvers import inputs as parse
from resolvers.actions import await_provider, retry_after_seconds, show_action
from resolvers.context import Info, RequestContext
from resolvers.failures import (
    authorization_failed,
    cancel_failed,
    capture_failed,
    refund_failed,
    rejected,
)
from resolvers.holder_mutations import HolderMutations
from resolvers.reason_mutations import ReasonMutations
from resolvers.webhook_mutations import WebhookMutations
from schema.inputs import (
    AskAgainInput,
    AuthorizePaymentSessionInput,
    CancelPaymentCollectionInput,
    CancelPaymentInput,
    CancelPaymentSessionInput,
    CapturePaymentInput,
    CreatePaymentCollectionInput,
    CreatePaymentSessionInput,
    CreatePaymentSessionsInput,
    MarkPaymentCollectionAsPaidInput,
    RefundPaymentInput,
    RotateClientSecretInput,
    SettleOperationInput,
    UpdatePaymentCollectionInput,
    UpdatePaymentProviderInput,
    UpdatePaymentSessionInput,
)
from schema.payment import Capture, Payment, Refund
from schema.results import (
    AskAgainResult,
    AuthorizePaymentSessionResult,
    CancelPaymentCollectionResult,
    CancelPaymentResult,
    CancelPaymentSessionResult,
    CancelPending,
    CapturePaymentResult,
    CapturePending,
    CreatePaymentCollectionResult,
    CreatePaymentSessionResult,
    CreatePaymentSessionsResult,
    MarkPaymentCollectionAsPaidResult,
    PaymentSessionsCreated,
    RefundPaymentResult,
    RefundPending,
    RequiresMoreAction,
    RotateClientSecretResult,
    Settled,
    SettleOperationResult,
    UpdatePaymentCollectionResult,
    UpdatePaymentProviderResult,
    UpdatePaymentSessionResult,
)
from schema.session import PaymentSession
from schema.unsettled import UnsettledOperation


@strawberry.type
class Mutation(HolderMutations, ReasonMutations, WebhookMutations):
    """Changes something; expected outcomes are data."""

    @strawberry.mutation
    async def create_payment_collection(
        self, info: Info, input: CreatePaymentCollectionInput
    ) -> CreatePaymentCollectionResult:
        """Open a collection."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.create_collection(input)
            snapshot = await flow.shielded(collections.create(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def update_payment_collection(
        self, info: Info, input: UpdatePaymentCollectionInput
    ) -> UpdatePaymentCollectionResult:
        """Change a collection."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.update_collection(input)
            snapshot = await flow.shielded(collections.update(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def cancel_payment_collection(
        self, info: Info, input: CancelPaymentCollectionInput
    ) -> CancelPaymentCollectionResult:
        """Cancel a collection."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            snapshot = await flow.shielded(collections.cancel(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def mark_payment_collection_as_paid(
        self, info: Info, input: MarkPaymentCollectionAsPaidInput
    ) -> MarkPaymentCollectionAsPaidResult:
        """Settle what is outstanding outside of any gateway."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.mark_as_paid(input)
            snapshot = await flow.shielded(marking.mark_as_paid(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def rotate_client_secret(
        self, info: Info, input: RotateClientSecretInput
    ) -> RotateClientSecretResult:
        """Replace a collection's client secret."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        id = str(input.payment_collection_id)
        try:
            rotated = collections.rotate_client_secret(flow, context.call, id)
            snapshot = await flow.shielded(rotated)
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def create_payment_session(
        self, info: Info, input: CreatePaymentSessionInput
    ) -> CreatePaymentSessionResult:
        """Open a session."""
        context = info.context
        flow = context.services.flow
        try:
            command = parse.create_session(input)
            snapshot, id = await flow.shielded(sessions.create(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return PaymentSession.of(snapshot.session(id), context.caller)

    @strawberry.mutation
    async def create_payment_sessions(
        self, info: Info, input: CreatePaymentSessionsInput
    ) -> CreatePaymentSessionsResult:
        """Open a session with each provider."""
        context = info.context
        flow = context.services.flow
        try:
            command = parse.create_sessions(input)
            snapshot, ids = await flow.shielded(sessions.create_each(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        shown = [PaymentSession.of(snapshot.session(id), context.caller) for id in ids]
        return PaymentSessionsCreated(payment_sessions=shown)

    @strawberry.mutation
    async def update_payment_session(
        self, info: Info, input: UpdatePaymentSessionInput
    ) -> UpdatePaymentSessionResult:
        """Change a session."""
        context = info.context
        flow = context.services.flow
        try:
            command = parse.update_session(input)
            snapshot, id = await flow.shielded(sessions.update(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return PaymentSession.of(snapshot.session(id), context.caller)

    @strawberry.mutation
    async def cancel_payment_session(
        self, info: Info, input: CancelPaymentSessionInput
    ) -> CancelPaymentSessionResult:
        """Close a session."""
        context = info.context
        flow = context.services.flow
        try:
            snapshot, id = await flow.shielded(sessions.cancel(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return PaymentSession.of(snapshot.session(id), context.caller)

    @strawberry.mutation
    async def authorize_payment_session(
        self, info: Info, input: AuthorizePaymentSessionInput
    ) -> AuthorizePaymentSessionResult:
        """Authorize a session."""
        context = info.context
        flow = context.services.flow
        try:
            command = parse.authorize_session(input)
            answer = await flow.shielded(authorizing.authorize(flow, context.call, command))
        except Refused as refusal:
            session = await _session(context, input.id)
            return authorization_failed(refusal.failure, context.request_id, session)
        context.took(answer.snapshot)
        match answer:
            case authorizing.Paid():
                return Payment.of(answer.payment, context.caller)
            case authorizing.NotAuthorized():
                session = PaymentSession.of(answer.session, context.caller)
                return authorization_failed(answer.failure, context.request_id, session)
            case authorizing.MoreNeeded():
                return RequiresMoreAction(
                    payment_session=PaymentSession.of(answer.session, context.caller),
                    action=await_provider(answer.awaited)
                    if answer.awaited is not None
                    else show_action(answer.action),
                )
        assert_never(answer)

    @strawberry.mutation
    async def capture_payment(self, info: Info, input: CapturePaymentInput) -> CapturePaymentResult:
        """Capture a payment."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.capture_payment(input)
            answer = await flow.shielded(movements.capture(flow, context.call, command))
        except Refused as refusal:
            affected = await _payment(context, input.payment_id)
            return capture_failed(refusal.failure, context.request_id, affected)
        context.took(answer.snapshot)
        payment = Payment.of(answer.payment, context.caller)
        if answer.operation.is_without_outcome:
            return CapturePending(
                payment=payment,
                capture=Capture.of(answer.operation, context.caller),
                retry_after_seconds=retry_after_seconds(answer.operation.due_at),
            )
        if answer.operation.failure is not None:
            return capture_failed(answer.operation.failure, context.request_id, payment)
        return payment

    @strawberry.mutation
    async def refund_payment(self, info: Info, input: RefundPaymentInput) -> RefundPaymentResult:
        """Refund a payment."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.refund_payment(input)
            answer = await flow.shielded(movements.refund(flow, context.call, command))
        except Refused as refusal:
            affected = await _payment(context, input.payment_id)
            return refund_failed(refusal.failure, context.request_id, affected)
        context.took(answer.snapshot)
        payment = Payment.of(answer.payment, context.caller)
        if answer.operation.is_without_outcome:
            return RefundPending(
                payment=payment,
                refund=Refund.of(answer.operation, context.caller),
                retry_after_seconds=retry_after_seconds(answer.operation.due_at),
            )
        if answer.operation.failure is not None:
            return refund_failed(answer.operation.failure, context.request_id, payment)
        return payment

    @strawberry.mutation
    async def cancel_payment(self, info: Info, input: CancelPaymentInput) -> CancelPaymentResult:
        """Cancel a payment."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            answer = await flow.shielded(cancelling.cancel(flow, context.call, input.payment_id))
        except Refused as refusal:
            affected = await _payment(context, input.payment_id)
            return cancel_failed(refusal.failure, context.request_id, affected)
        context.took(answer.snapshot)
        payment = Payment.of(answer.payment, context.caller)
        operation = answer.operation
        if operation is not None and operation.is_without_outcome:
            seconds = retry_after_seconds(operation.due_at)
            return CancelPending(payment=payment, retry_after_seconds=seconds)
        if operation is not None and operation.failure is not None:
            return cancel_failed(operation.failure, context.request_id, payment)
        return payment

    @strawberry.mutation
    async def ask_again(self, info: Info, input: AskAgainInput) -> AskAgainResult:
        """Ask a provider now for what is unsettled."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            answer = await flow.shielded(settling.ask_again(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(answer.snapshot)
        if answer.operation.is_without_outcome:
            return UnsettledOperation.of(answer.operation)
        return _settled(context, answer)

    @strawberry.mutation
    async def settle_operation(
        self, info: Info, input: SettleOperationInput
    ) -> SettleOperationResult:
        """Settle by a person's word what recovery could not."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.settle_operation(input)
            answer = await flow.shielded(settling.settle_by_hand(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(answer.snapshot)
        return _settled(context, answer)

    @strawberry.mutation
    async def update_payment_provider(
        self, info: Info, input: UpdatePaymentProviderInput
    ) -> UpdatePaymentProviderResult:
        """Enable or disable a provider."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        id = ProviderId(str(input.id))
        try:
            await flow.shielded(providers.set_enabled(flow, id, is_enabled=input.is_enabled))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.loaders.disabled_providers.forget()
        return context.provider(id)


def _settled(context: RequestContext, answer: settling.SettlingAnswer) -> Settled:
    session = answer.snapshot.session(answer.operation.session_id)
    payment = answer.snapshot.payment_of(session.id)
    return Settled(
        payment_session=PaymentSession.of(session, context.caller),
        payment=None if payment is None else Payment.of(payment, context.caller),
    )


async def _session(context: RequestContext, id: str) -> PaymentSession | None:
    """Load the session that a refusal is about, as it is now, where it exists for this caller."""
    if not is_id(id, SESSION):
        return None
    session = await context.loaders.sessions.load(SessionId(id))
    if session is None or not context.caller.reaches(session.collection_id):
        return None
    context.scope.collection_id = session.collection_id
    return PaymentSession.of(session, context.caller)


async def _payment(context: RequestContext, id: str) -> Payment | None:
    """Load the payment that a refusal is about, as it is now, where it exists for this caller."""
    if not is_id(id, PAYMENT):
        return None
    payment = await context.loaders.payments.load(PaymentId(id))
    if payment is None or not context.caller.reaches(payment.collection_id):
        return None
    context.scope.collection_id = payment.collection_id
    return Payment.of(payment, context.caller)
