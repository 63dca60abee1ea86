"""docs/settings.md and `.env.example`: every setting is there, with the default and the range that the code has."""

import re

import pytest
from annotated_types import Ge, Gt, Le

from app.settings import Settings
from tests.support.program.running import ROOT

ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| .+ \|$", re.MULTILINE)
ROWS = {
    name: (type_, default)
    for name, type_, default in ROW.findall((ROOT / "docs" / "settings.md").read_text())
}
FIELDS = {
    (name if name in ("host", "port") else f"tillgraph_{name}").upper(): field
    for name, field in Settings.model_fields.items()
}
FIXED = {
    name: field.default
    for name, field in FIELDS.items()
    if field.default is not None and field.default != ()
}
BOUNDED = {
    name: field.metadata
    for name, field in FIELDS.items()
    if any(isinstance(one, Le) for one in field.metadata)
}


def test_the_page_lists_every_setting() -> None:
    """Those of the code, and no other."""
    assert set(ROWS) == set(FIELDS)


def test_the_example_lists_every_setting() -> None:
    """Those of the code, and no other, each in a line of its own."""
    example = (ROOT / ".env.example").read_text()
    assert sorted(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)) == sorted(FIELDS)


@pytest.mark.parametrize("name", FIXED)
def test_the_page_has_the_default(name: str) -> None:
    """As it would be written in the environment."""
    default = FIXED[name]
    text = str(default).lower() if isinstance(default, bool) else str(default)
    assert ROWS[name][1] == f"`{text}`"


@pytest.mark.parametrize("name", BOUNDED)
def test_the_page_has_the_range(name: str) -> None:
    """Both ends are named, and whether the lower one is part of it."""
    [lower] = [one for one in BOUNDED[name] if isinstance(one, Ge | Gt)]
    [upper] = [one for one in BOUNDED[name] if isinstance(one, Le)]
    if isinstance(lower, Gt):
        assert ROWS[name][0].endswith(f", more than {lower.gt}, at most {upper.le:,}")
    else:
        assert ROWS[name][0].endswith(f", {lower.ge} to {upper.le:,}")
