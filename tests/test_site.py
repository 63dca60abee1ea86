"""The pages and the schema as `make docs` prepares them for Zensical."""

from pathlib import Path

import pytest
from graphql import build_schema, is_introspection_type

from tests.support.program.running import ROOT
from tools.site.pages import BrokenLink, staged
from tools.site.reference import reference_pages


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with a README, two pages and a file of code."""
    (tmp_path / "docs" / "decisions").mkdir(parents=True)
    (tmp_path / "docs" / "images").mkdir()
    for name in ("settings.md", "styles.css", "images/page.png"):
        (tmp_path / "docs" / name).touch()
    (tmp_path / "server.py").touch()
    return tmp_path


def seen(checkout: Path, text: str, *, page: str = "docs/page.md") -> str:
    """Write a page, and return it as the site has it, without the line break at its end."""
    (checkout / page).write_text(text + "\n")
    return staged(checkout / page, root=checkout).removesuffix("\n")


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("docs/page.md", "[it](settings.md#a)", "[it](settings.md#a)"),
        ("README.md", "[it](docs/settings.md#a)", "[it](settings.md#a)"),
        ("README.md", "[over\ntwo lines](docs/settings.md)", "[over\ntwo lines](settings.md)"),
        ("docs/decisions/one.md", "[it](../settings.md)", "[it](../settings.md)"),
        ("docs/decisions/one.md", "[home](../../README.md)", "[home](../index.md)"),
        ("docs/page.md", "[`server.py`](../server.py) is code", "`server.py` is code"),
        ("docs/page.md", "[its styles](styles.css)", "its styles"),
        ("README.md", "![a page](docs/images/page.png)", "![a page](images/page.png)"),
        ("README.md", '<img src="docs/images/page.png">', '<img src="images/page.png">'),
        ("docs/page.md", "[out](https://example.com/x)", "[out](https://example.com/x)"),
        ("docs/page.md", "```\n[a](b)\n```", "```\n[a](b)\n```"),
        ("docs/page.md", "Some:\n- one\n- two", "Some:\n\n- one\n- two"),
        ("docs/page.md", "**Some.**\n1. one", "**Some.**\n\n1. one"),
        ("docs/page.md", "- one\n- two", "- one\n- two"),
    ],
)
def test_a_page_on_the_site(checkout: Path, page: str, text: str, expected: str) -> None:
    """Pages link to pages, code is named without a link, and nothing in a code block changes."""
    (checkout / "README.md").touch()
    assert seen(checkout, text, page=page) == expected


def test_a_link_to_code_that_is_gone(checkout: Path) -> None:
    """A link to a file that the checkout does not have ends the build, and the sentence names both."""
    with pytest.raises(BrokenLink, match=r"docs/page\.md names \.\./till\.py, which does not"):
        seen(checkout, "[the server](../till.py)")


def test_the_reference_is_whole() -> None:
    """Every type, field and value of the schema is on a page of the reference."""
    sdl = (ROOT / "schema" / "schema.graphql").read_text()
    text = "\n".join(reference_pages(sdl).values())
    types = build_schema(sdl).type_map.values()
    names = {
        name
        for type_ in types
        if not is_introspection_type(type_)
        for name in [*getattr(type_, "fields", {}), *getattr(type_, "values", {})]
    }
    assert [name for name in names if f"`{name}`" not in text and f"## {name} " not in text] == []


def test_descriptions_are_prose() -> None:
    """A description keeps its code, and no other mark of it becomes markup."""
    pages = reference_pages(
        'type Query { "Takes `a|b`, pay_ and [x] <y>." one(after: Int = 3): [String!]! }'
    )
    assert pages["queries.md"] == (
        "# Queries\n\n## one { #one }\n\n"
        "Takes `a|b`, pay\\_ and \\[x\\] \\<y>.\n\n"
        "Returns \\[[String](scalars.md#string)!\\]!.\n\n"
        "| Argument | Type |\n| --- | --- |\n| `after` | [Int](scalars.md#int) = `3` |\n"
    )
