"""The mutations on operations that have no outcome."""

import strawberry

from payments.model.commands import SettleOperation
from payments.model.errors import InvalidInput, Refused
from payments.use_cases import unsettled_operations
from resolvers.context import Info, RequestContext
from resolvers.failures import rejected
from resolvers.mutations import parsing
from schema import inputs
from schema.inputs import AskAgainInput, SettleOperationInput
from schema.payment import Payment
from schema.results import AskAgainResult, Settled, SettleOperationResult
from schema.session import PaymentSession
from schema.unsettled import UnsettledOperation


@strawberry.type
class OperationMutations:
    """Asks again, or settles what recovery could not."""

    @strawberry.mutation
    async def ask_again(self, info: Info, input: AskAgainInput) -> AskAgainResult:
        """Ask a provider now for what is unsettled."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            answer = await flow.shielded(
                unsettled_operations.ask_again(flow, context.call, input.id)
            )
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
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_settle(input)
            answer = await flow.shielded(
                unsettled_operations.settle_by_hand(flow, context.call, command)
            )
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(answer.snapshot)
        return _settled(context, answer)


def _parse_settle(input: inputs.SettleOperationInput) -> SettleOperation:
    """Parse a person's word on an operation; raises InvalidInput."""
    evidence = parsing.written(input.evidence, "evidence")
    if not evidence or evidence.isspace():
        raise InvalidInput(
            "Say what this rests on, such as the provider's reference.", path=("evidence",)
        )
    return SettleOperation(
        id=input.id,
        outcome=input.outcome,
        evidence=evidence,
        idempotency_key=parsing.required_key(input.idempotency_key),
    )


def _settled(context: RequestContext, answer: unsettled_operations.SettlingAnswer) -> Settled:
    session = answer.snapshot.session(answer.operation.session_id)
    payment = answer.snapshot.payment_of(session.id)
    return Settled(
        payment_session=PaymentSession.of(session, context.caller),
        payment=None if payment is None else Payment.of(payment, context.caller),
    )
