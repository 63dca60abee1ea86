"""The values that a change of an open session replaces."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from payments.model.commands import UNCHANGED, Unchanged
from payments.model.copies import replace
from payments.model.entities import PaymentSession
from payments.model.outcomes import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChange:
    """The new values of a session; what is UNCHANGED stays as it is."""

    amount_minor: int | Unchanged = UNCHANGED
    data: JsonObject | Unchanged = UNCHANGED
    metadata: JsonObject | Unchanged = UNCHANGED
    return_url: str | Unchanged | None = UNCHANGED

    @property
    def is_empty(self) -> bool:
        """Return whether it changes nothing."""
        return not self.as_json()

    def applied_to(self, session: PaymentSession) -> PaymentSession:
        """Return a session with the new values."""
        return replace(session, **self.as_json())

    def as_json(self) -> dict[str, Any]:
        """Return the new values by name, as they are stored with the operation that requests them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not UNCHANGED}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SessionChange":
        """Read what `as_json` has written."""
        return cls(**values)
