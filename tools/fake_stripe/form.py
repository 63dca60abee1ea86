"""A parser of the forms of Stripe's SDKs, whose names are paths, such as metadata[order] and expand[0]."""

import re
from typing import Any
from urllib.parse import parse_qsl

NAME = re.compile(r"([A-Za-z0-9_]+)((?:\[[^\[\]]*\])*)")
PART = re.compile(r"\[([^\[\]]*)\]")

Values = dict[str, Any]


class Malformed(ValueError):
    """An error: a body is not a form."""


def parse(body: str) -> Values:
    """Return a form as nested objects and lists; every value is a text. Raises Malformed."""
    found: Values = {}
    for name, value in parse_qsl(body, keep_blank_values=True, errors="strict"):
        matched = NAME.fullmatch(name)
        if matched is None:
            raise Malformed(name)
        _put(found, [matched[1], *PART.findall(matched[2])], value)
    return {key: _listed(value) for key, value in found.items()}


def _put(into: Values, path: list[str], value: str) -> None:
    first, *rest = path
    key = first if first else str(len(into))
    if rest:
        _put(into.setdefault(key, {}), rest, value)
    else:
        into[key] = value


def _listed(value: Any) -> Any:
    """Return an object whose keys count from 0 as a list."""
    if not isinstance(value, dict):
        return value
    parts = {key: _listed(part) for key, part in value.items()}
    if parts and list(parts) == [str(number) for number in range(len(parts))]:
        return list(parts.values())
    return parts
