"""The server's command line as on a later day: each result union and RequiredAction has one more member.

Every refusal is answered with the further member, with a further code where something was not found, and so is every
action of a customer. Clients that were made from the schema of today have to read both.
"""

import sys
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_args

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

import strawberry

from payments.model import failures

# The schema is put together from these names as the modules are imported, so they are replaced before that.
new_enum: Any = Enum
codes = new_enum(
    "FailureCode", {one.name: one.value for one in failures.FailureCode} | {"GONE": "GONE"}
)
vars(failures).update(
    FailureCode=codes,
    RETRYABLE=frozenset(codes[one.name] for one in failures.RETRYABLE),
    _SENTENCES={codes[one.name]: text for one, text in failures._SENTENCES.items()},
)

from schema import actions  # noqa: E402 - after the code that is added above
from schema.failures import Failure  # noqa: E402


def add_member(module: ModuleType, name: str, member: type[Any]) -> None:
    """Add a member to a union of a module."""
    members, _ = get_args(getattr(module, name))
    setattr(module, name, Annotated[members | member, strawberry.union(name)])


@strawberry.type
class ScanCode(actions.CustomerAction):
    """Show this code, to be scanned with a telephone."""

    picture: str


add_member(actions, "RequiredAction", ScanCode)

from resolvers import actions as displayed  # noqa: E402 - after the action that is added above
from resolvers import failures as shown  # noqa: E402
from schema import results  # noqa: E402


@strawberry.type
class HeldBack(Failure):
    """Somebody has to look at this first."""

    held_until: str


for name in [name for name in vars(results) if name.endswith("Result")]:
    add_member(results, name, HeldBack)


def held_back(failure: failures.Failure, request_id: str, *_: object) -> HeldBack:
    """Show any failure as the further member."""
    return HeldBack(
        code=codes.GONE if failure.code is codes.NOT_FOUND else failure.code,
        message=failure.message,
        path=None if failure.path is None else list(failure.path),
        retryable=failure.is_retryable,
        request_id=request_id,
        held_until="tomorrow",
    )


def scan_code(action: object) -> ScanCode:
    """Show any action as the further one."""
    return ScanCode(
        kind="SCAN",
        expires_at=None,
        fallback_url=getattr(action, "url", None),
        picture="a picture",
    )


vars(shown).update(
    dict.fromkeys(
        ("rejected", "authorization_failed", "capture_failed", "refund_failed", "cancel_failed"),
        held_back,
    )
)
vars(displayed).update(show_action=scan_code)

import server  # noqa: E402 - the resolvers take what is replaced above

if __name__ == "__main__":
    sys.exit(server.main())
