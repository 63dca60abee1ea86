"""The frame of every mutation.

It requires the secret key unless the mutation is for browsers, parses the input, carries the command out in a task
that does not end if the client leaves, and answers with the refusal or the result.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from strawberry.types.field import StrawberryField

from payments.flow.runtime import Flow
from payments.model.commands import Call
from payments.model.entities import Snapshot
from payments.model.errors import NotFound, Refused
from resolvers.context import Info, RequestContext
from resolvers.failures import rejected
from schema.failures import Failure
from webhooks.endpoints import WebhookOffice

Input = TypeVar("Input")
Command = TypeVar("Command")
Answer = TypeVar("Answer")

Work = Coroutine[Any, Any, Answer]
Refuse = Callable[[RequestContext, Input, Refused], Awaitable[Failure]]
Show = Callable[[Any, RequestContext, Input, Answer], object]


class FramedMutation(StrawberryField):
    """A framed mutation, made by this file alone."""


def is_not_there(refusal: Refused) -> bool:
    """Return whether a mutation looked for its object, and found none that exists for the caller."""
    return isinstance(refusal, NotFound) and refusal.snapshot is None


async def reject(context: RequestContext, input: object, refusal: Refused) -> Failure:
    """Return a refusal as the member that most unions have."""
    return rejected(refusal.failure, context.request_id)


def mutation(
    use_case: Callable[[Flow, Call, Command], Work[Answer]],
    *,
    parse: Callable[[Input], Command],
    refuse: Refuse[Input] = reject,
    is_for_browsers: bool = False,
) -> Callable[[Show[Input, Answer]], FramedMutation]:
    """Make a mutation of a use case and of the decorated function, which shows its answer.

    The mutation has that function's name, input and result. Without `is_for_browsers` it requires the secret key.
    """

    def carry_out(context: RequestContext, command: Command) -> Work[Answer]:
        return use_case(context.services.flow, context.call, command)

    return _framed(carry_out, parse, refuse, is_for_browsers=is_for_browsers)


def webhook_mutation(
    task: Callable[[WebhookOffice, Command], Work[Answer]], *, parse: Callable[[Input], Command]
) -> Callable[[Show[Input, Answer]], FramedMutation]:
    """Make a mutation of one of the webhook office's tasks, for back ends alone; see `mutation`."""

    def carry_out(context: RequestContext, command: Command) -> Work[Answer]:
        return task(context.services.office, command)

    return _framed(carry_out, parse, reject, is_for_browsers=False)


def _framed(
    carry_out: Callable[[RequestContext, Command], Work[Answer]],
    parse: Callable[[Input], Command],
    refuse: Refuse[Input],
    *,
    is_for_browsers: bool,
) -> Callable[[Show[Input, Answer]], FramedMutation]:
    def frame(show: Show[Input, Answer]) -> FramedMutation:
        async def resolve(self: object, info: Info, input: Input) -> object:
            context = info.context
            if not is_for_browsers:
                context.require_secret_key()
            try:
                command = parse(input)
                answer = await context.services.flow.shielded(carry_out(context, command))
            except Refused as refusal:
                context.took(refusal.snapshot)
                return await refuse(context, input, refusal)
            context.took(_snapshot_of(answer))
            return show(self, context, input, answer)

        # Strawberry reads the field's name, argument and type from its resolver.
        resolve.__name__, resolve.__module__ = show.__name__, show.__module__
        types = show.__annotations__
        resolve.__annotations__ = {"info": Info, "input": types["input"], "return": types["return"]}
        return FramedMutation()(resolve)

    return frame


def _snapshot_of(answer: object) -> Snapshot | None:
    """Return the collection as a transaction left it; None where the use case was about none."""
    match answer:
        case (Snapshot() as snapshot) | (Snapshot() as snapshot, *_):
            return snapshot
        case _:
            found: object = getattr(answer, "snapshot", None)
            return found if isinstance(found, Snapshot) else None
