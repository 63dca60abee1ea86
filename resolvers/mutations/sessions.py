"""The mutations on payment sessions."""

from typing import assert_never

import strawberry

from payments.model.commands import (
    AuthorizePaymentSession,
    CreatePaymentSession,
    CreatePaymentSessions,
    UpdatePaymentSession,
)
from payments.model.entities import Snapshot
from payments.model.errors import Refused
from payments.model.ids import SessionId
from payments.model.money import is_known_currency
from payments.use_cases import authorizations, sessions
from payments.use_cases.authorizations import AuthorizeAnswer
from resolvers.actions import await_provider, show_action
from resolvers.context import RequestContext
from resolvers.failures import authorization_failed
from resolvers.mutations import parsing
from resolvers.mutations.frame import is_not_there, mutation
from resolvers.pages import given
from schema.failures import AuthorizationFailed
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

OneSession = tuple[Snapshot, SessionId]
"""A collection, and which of its sessions a mutation was about."""


def _parse_create(input: CreatePaymentSessionInput) -> CreatePaymentSession:
    """Parse the input that opens a session; raises InvalidInput."""
    currency = given(input.currency_code)
    return CreatePaymentSession(
        collection_id=input.payment_collection_id,
        provider_id=input.provider_id,
        amount=parsing.amount(input.amount),
        # The collection's own key, whether it is in use yet or not.
        currency=None
        if currency is None
        else parsing.currency(currency, is_right=is_known_currency),
        data=parsing.json_object(input.data, "data"),
        metadata=parsing.metadata(input.metadata),
        account_holder_id=given(input.account_holder_id),
        return_url=given(input.return_url),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _parse_create_each(input: CreatePaymentSessionsInput) -> CreatePaymentSessions:
    """Parse the input that opens a session with each provider; raises InvalidInput."""
    provider_ids = given(input.provider_ids)
    return CreatePaymentSessions(
        collection_id=input.payment_collection_id,
        provider_ids=None if provider_ids is None else tuple(provider_ids),
        return_url=given(input.return_url),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _parse_update(input: UpdatePaymentSessionInput) -> UpdatePaymentSession:
    """Parse the input that changes a session; raises InvalidInput."""
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


def _parse_authorize(input: AuthorizePaymentSessionInput) -> AuthorizePaymentSession:
    """Parse the input that authorizes a session; raises InvalidInput."""
    return AuthorizePaymentSession(
        id=input.id,
        data=parsing.json_object(input.data, "data"),
        payment_method_id=given(input.payment_method_id),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


async def _authorization_refused(
    context: RequestContext, input: AuthorizePaymentSessionInput, refusal: Refused
) -> AuthorizationFailed:
    """Return a refusal with its session, which was not read yet if the input itself was refused."""
    session = None if is_not_there(refusal) else await context.find_session(input.id)
    return authorization_failed(refusal.failure, context.request_id, session)


def _shown(context: RequestContext, one: OneSession) -> PaymentSession:
    snapshot, id = one
    return PaymentSession.of(snapshot.session(id), context.caller)


@strawberry.type
class SessionMutations:
    """The mutations on sessions."""

    @mutation(sessions.create, parse=_parse_create, is_for_browsers=True)
    def create_payment_session(
        self, context: RequestContext, input: CreatePaymentSessionInput, created: OneSession
    ) -> CreatePaymentSessionResult:
        """Open a session."""
        return _shown(context, created)

    @mutation(sessions.create_each, parse=_parse_create_each, is_for_browsers=True)
    def create_payment_sessions(
        self,
        context: RequestContext,
        input: CreatePaymentSessionsInput,
        created: tuple[Snapshot, tuple[SessionId, ...]],
    ) -> CreatePaymentSessionsResult:
        """Open a session with each provider."""
        snapshot, ids = created
        return PaymentSessionsCreated(
            payment_sessions=[_shown(context, (snapshot, id)) for id in ids]
        )

    @mutation(sessions.update, parse=_parse_update, is_for_browsers=True)
    def update_payment_session(
        self, context: RequestContext, input: UpdatePaymentSessionInput, updated: OneSession
    ) -> UpdatePaymentSessionResult:
        """Change a session."""
        return _shown(context, updated)

    @mutation(sessions.cancel, parse=parsing.only_id, is_for_browsers=True)
    def cancel_payment_session(
        self, context: RequestContext, input: CancelPaymentSessionInput, canceled: OneSession
    ) -> CancelPaymentSessionResult:
        """Close a session."""
        return _shown(context, canceled)

    @mutation(
        authorizations.authorize,
        parse=_parse_authorize,
        refuse=_authorization_refused,
        is_for_browsers=True,
    )
    def authorize_payment_session(
        self, context: RequestContext, input: AuthorizePaymentSessionInput, answer: AuthorizeAnswer
    ) -> AuthorizePaymentSessionResult:
        """Authorize a session."""
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
