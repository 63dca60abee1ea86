"""The pages of the site: those of docs/, with links as a reader of the site needs them."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

LINK: Final = re.compile(
    r"(?<!!)\[(?P<text>(?:[^\[\]]|!?\[[^\[\]]*\](?:\([^()]*\))?)*)\]\((?P<target>[^()\s]+)\)"
)
IMAGE: Final = re.compile(r'(?P<before>!\[[^\[\]]*\]\(|<img src=")(?P<target>[^()\s"]+)')
FENCE: Final = re.compile(r"\s*(```|~~~)")
PARAGRAPH_BEFORE_LIST: Final = re.compile(
    r"^(?!(?:[-*+]|\d+\.) |[|>#\s]).*\n(?=(?:[-*+]|\d+\.) )", re.MULTILINE
)
ELSEWHERE: Final = ("http://", "https://", "mailto:", "#")


class BrokenLink(Exception):
    """An error: a page names a file that the checkout does not have."""


def staged(page: Path, *, root: Path) -> str:
    """Return a page's Markdown for the site; raises BrokenLink.

    The README is the site's first page. The site holds no source: a link to a file of the checkout is held to the file
    and becomes plain text. Links from page to page are left to Zensical, which knows their anchors too.
    """
    placed = root / "docs" / "index.md" if page == root / "README.md" else page

    def moved(target: str) -> str | None:
        """Return a link's target as seen from the site's page; None where the site does not have it."""
        if target.startswith(ELSEWHERE):
            return target
        path, mark, anchor = target.partition("#")
        file = (page.parent / path).resolve()
        docs = root / "docs"
        if file == root / "README.md":
            file = docs / "index.md"
        elif not file.exists() and not (file.suffix == ".md" and file.is_relative_to(docs)):
            raise BrokenLink(f"{page.relative_to(root)} names {target}, which does not exist.")
        is_on_site = file.suffix == ".md" or file.is_relative_to(docs / "images")
        if not file.is_relative_to(docs) or not is_on_site:
            return None
        return os.path.relpath(file, placed.parent) + mark + anchor

    return _outside_of_code(
        page.read_text(encoding="utf-8"), lambda text: _linked(_with_lists_apart(text), moved)
    )


def _linked(text: str, moved: Callable[[str], str | None]) -> str:
    def link(match: re.Match[str]) -> str:
        target = moved(match["target"])
        return match["text"] if target is None else f"[{match['text']}]({target})"

    def image(match: re.Match[str]) -> str:
        return f"{match['before']}{moved(match['target'])}"

    return LINK.sub(link, IMAGE.sub(image, text))


def _outside_of_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text with everything outside its code blocks changed."""
    parts: list[list[str]] = [[]]
    is_code = False
    for line in text.splitlines(keepends=True):
        is_fence = FENCE.match(line) is not None
        if is_fence and not is_code:
            parts.append([])
        parts[-1].append(line)
        if is_fence and is_code:
            parts.append([])
        is_code = is_code != is_fence
    prose_and_code = ["".join(part) for part in parts]
    return "".join(part if place % 2 else change(part) for place, part in enumerate(prose_and_code))


def _with_lists_apart(text: str) -> str:
    """Return prose with an empty line before each list: Python-Markdown needs one, GitHub does not."""
    return PARAGRAPH_BEFORE_LIST.sub(r"\g<0>\n", text)
