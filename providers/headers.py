"""The headers of reports, each of which must have one value."""

from collections.abc import Mapping


def only(headers: Mapping[str, str], name: str) -> str:
    """Return a header's value; "" where it is missing or repeated: each reader could pick another one."""
    values = [value for given, value in headers.items() if given.lower() == name.lower()]
    return values[0] if len(values) == 1 else ""
