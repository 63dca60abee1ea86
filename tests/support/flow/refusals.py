"""Assertions on refused mutations."""

from tests.support.program.running import Json


def assert_rejected(
    answer: Json,
    code: str,
    *,
    minimum: str | None = None,
    maximum: str | None = None,
    path: list[str] | None = None,
) -> None:
    """Assert that an answer is RequestRejected with exactly these values."""
    names = ("__typename", "code", "minimumAmount", "maximumAmount", "path")
    found = tuple(answer[name] for name in names)
    assert found == ("RequestRejected", code, minimum, maximum, path)
