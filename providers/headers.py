"""Headers of reports, which have to say one thing."""

from collections.abc import Mapping


def only(headers: Mapping[str, str], name: str) -> str:
    """Return a header's value; "" where it is missing or there is more than one: each reader could take another."""
    values = [value for given, value in headers.items() if given.lower() == name.lower()]
    return values[0] if len(values) == 1 else ""
