"""The mutations on operations without an outcome."""

import strawberry

from payments.model.commands import SettleOperation
from payments.model.errors import InvalidInput
from payments.use_cases import unsettled_operations
from payments.use_cases.unsettled_operations import SettlingAnswer
from resolvers.context import RequestContext
from resolvers.mutations import parsing
from resolvers.mutations.frame import mutation
from schema.inputs import AskAgainInput, SettleOperationInput
from schema.payment import Payment
from schema.results import AskAgainResult, Settled, SettleOperationResult
from schema.session import PaymentSession
from schema.unsettled import UnsettledOperation


def _parse_settle(input: SettleOperationInput) -> SettleOperation:
    """Parse an operator's decision on an operation; raises InvalidInput."""
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


def _settled(context: RequestContext, answer: SettlingAnswer) -> Settled:
    session = answer.snapshot.session(answer.operation.session_id)
    payment = answer.snapshot.payment_of(session.id)
    return Settled(
        payment_session=PaymentSession.of(session, context.caller),
        payment=None if payment is None else Payment.of(payment, context.caller),
    )


@strawberry.type
class OperationMutations:
    """The mutations on unsettled operations."""

    @mutation(unsettled_operations.ask_again, parse=parsing.only_id)
    def ask_again(
        self, context: RequestContext, input: AskAgainInput, answer: SettlingAnswer
    ) -> AskAgainResult:
        """Ask a provider now about an unsettled operation."""
        if answer.operation.is_without_outcome:
            return UnsettledOperation.of(answer.operation)
        return _settled(context, answer)

    @mutation(unsettled_operations.settle_by_hand, parse=_parse_settle)
    def settle_operation(
        self, context: RequestContext, input: SettleOperationInput, answer: SettlingAnswer
    ) -> SettleOperationResult:
        """Resolve an operation by an operator's decision where recovery could not."""
        return _settled(context, answer)
