"""Copies of records: what the fast copy does is what the standard library's does."""

import dataclasses
import inspect

import pytest

from payments.model import account_holders, entities
from payments.model.copies import replace

RECORDS = [
    kind
    for module in (entities, account_holders)
    for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
    if kind.__module__ == module.__name__ and len(dataclasses.fields(kind)) > 1
]


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_a_copy_is_that_of_the_standard_library(kind: type) -> None:
    """Of every kind of record, with each field changed; the record itself stays as it is."""
    values = {field.name: f"of {field.name}" for field in dataclasses.fields(kind)}
    record = kind(**values)
    for name in values:
        changed = replace(record, **{name: "new"})
        assert changed == dataclasses.replace(record, **{name: "new"})
        assert getattr(changed, name) == "new"
    assert record == kind(**values)


def test_another_field_is_refused() -> None:
    """A name that the record does not have."""
    event = entities.Event(
        **{field.name: None for field in dataclasses.fields(entities.Event)}  # type: ignore[arg-type]
    )
    with pytest.raises(KeyError):
        replace(event, colour="red")  # type: ignore[call-arg]  # the type checker says so, too
