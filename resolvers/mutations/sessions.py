"""The mutations on payment sessions."""

from typing import assert_never

import strawberry

from payments.model.commands import (
    AuthorizePaymentSession,
    CreatePaymentSession,
    CreatePaymentSessions,
    UpdatePaymentSession,
)
from payments.model.errors import Refused
from payments.model.ids import SESSION, SessionId, is_id
from payments.model.money import is_known_currency
from payments.use_cases import authorizations, sessions
from resolvers.actions import await_provider, show_action
from resolvers.context import Info, RequestContext
from resolvers.failures import authorization_failed, rejected
from resolvers.mutations import parsing
from resolvers.pages import given
from schema import inputs
from schema.inputs import (
    AuthorizePaymentSessionInput,
    CancelPaymentSessionInput,
    CreatePaymentSessionInput,
    CreatePaymentSessionsInput,
    UpdatePaymentSessionInput,
)
from schema.payment import Payment
from schema.results import (
    AuthorizePaymentSessionResult,
    CancelPaymentSessionResult,
    CreatePaymentSessionResult,
    CreatePaymentSessionsResult,
    PaymentSessionsCreated,
    RequiresMoreAction,
    UpdatePaymentSessionResult,
)
from schema.session import PaymentSession


@strawberry.type
class SessionMutations:
    """Opens, changes, authorizes and closes sessions."""

    @strawberry.mutation
    async def create_payment_session(
        self, info: Info, input: CreatePaymentSessionInput
    ) -> CreatePaymentSessionResult:
        """Open a session."""
        context = info.context
        flow = context.services.flow
        try:
            command = _parse_create(input)
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
            command = _parse_create_each(input)
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
            command = _parse_update(input)
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
            command = _parse_authorize(input)
            answer = await flow.shielded(authorizations.authorize(flow, context.call, command))
        except Refused as refusal:
            session = await _session(context, input.id)
            return authorization_failed(refusal.failure, context.request_id, session)
        context.took(answer.snapshot)
        match answer:
            case authorizations.Paid():
                return Payment.of(answer.payment, context.caller)
            case authorizations.NotAuthorized():
                session = PaymentSession.of(answer.session, context.caller)
                return authorization_failed(answer.failure, context.request_id, session)
            case authorizations.MoreNeeded():
                return RequiresMoreAction(
                    payment_session=PaymentSession.of(answer.session, context.caller),
                    action=await_provider(answer.awaited)
                    if answer.awaited is not None
                    else show_action(answer.action),
                )
        assert_never(answer)


def _parse_create(input: inputs.CreatePaymentSessionInput) -> CreatePaymentSession:
    """Parse what opens a session; raises InvalidInput."""
    currency = given(input.currency_code)
    return CreatePaymentSession(
        collection_id=input.payment_collection_id,
        provider_id=input.provider_id,
        amount=parsing.amount(input.amount),
        # The collection's own, whether that is in use yet or not.
        currency=None
        if currency is None
        else parsing.currency(currency, is_right=is_known_currency),
        data=parsing.json_object(input.data, "data"),
        metadata=parsing.metadata(input.metadata),
        account_holder_id=given(input.account_holder_id),
        return_url=given(input.return_url),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _parse_create_each(input: inputs.CreatePaymentSessionsInput) -> CreatePaymentSessions:
    """Parse what opens a session with each provider; raises InvalidInput."""
    provider_ids = given(input.provider_ids)
    return CreatePaymentSessions(
        collection_id=input.payment_collection_id,
        provider_ids=None if provider_ids is None else tuple(provider_ids),
        return_url=given(input.return_url),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _parse_update(input: inputs.UpdatePaymentSessionInput) -> UpdatePaymentSession:
    """Parse what changes a session; raises InvalidInput."""
    data = parsing.json_object(input.data, "data") or {}
    metadata = parsing.metadata(input.metadata) or {}
    return UpdatePaymentSession(
        id=input.id,
        amount=parsing.updated(
            input.amount, parsing.amount(input.amount), "amount", may_be_empty=False
        ),
        data=parsing.updated(input.data, data, "data", may_be_empty=True),
        metadata=parsing.updated(input.metadata, metadata, "metadata", may_be_empty=True),
        return_url=parsing.updated(
            input.return_url, given(input.return_url), "returnUrl", may_be_empty=True
        ),
    )


def _parse_authorize(input: inputs.AuthorizePaymentSessionInput) -> AuthorizePaymentSession:
    """Parse what authorizes a session; raises InvalidInput."""
    return AuthorizePaymentSession(
        id=input.id,
        data=parsing.json_object(input.data, "data"),
        payment_method_id=given(input.payment_method_id),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
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
