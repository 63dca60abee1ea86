"""Builds the site into build/docs; fails where a link or an anchor leads nowhere."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

from tools.site.pages import BrokenLink, staged
from tools.site.reference import reference_pages

ROOT: Final = Path(__file__).resolve().parent.parent.parent
DOCS: Final = ROOT / "docs"
STAGE: Final = ROOT / "build" / "docs-source"
SITE: Final = ROOT / "build" / "docs"
MERMAID: Final = DOCS / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"
BUILD_TIMEOUT_SECONDS: Final = 120


def main() -> int:
    """Stage the pages and build them; return the exit code."""
    for folder in (STAGE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        stage()
    except BrokenLink as error:
        print(error)
        return 1
    if faults := navigation_faults():
        print("\n".join(faults))
        return 1
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=ROOT, timeout=BUILD_TIMEOUT_SECONDS, check=False).returncode


def stage() -> None:
    """Write what Zensical reads: the pages, their images, the reference and Mermaid; raises BrokenLink."""
    pages = {page.relative_to(DOCS): page for page in own_files() if page.suffix == ".md"}
    for place, page in {Path("index.md"): ROOT / "README.md", **pages}.items():
        write(place, staged(page, root=ROOT))
    sdl = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
    for name, text in reference_pages(sdl).items():
        write(Path("reference") / name, text)
    shutil.copytree(DOCS / "images", STAGE / "images")
    shutil.copytree(DOCS / "styles", STAGE / "styles")
    (STAGE / "scripts").mkdir()
    shutil.copy(MERMAID, STAGE / "scripts")


def write(place: Path, text: str) -> None:
    """Write one staged page."""
    path = STAGE / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def own_files() -> list[Path]:
    """Return the files of docs/, without those of packages."""
    return sorted(
        path for path in DOCS.rglob("*") if path.is_file() and "node_modules" not in path.parts
    )


def navigation_faults() -> list[str]:
    """Return a sentence for each page that the navigation lacks, and each that it names and nobody wrote."""
    configuration = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    named = pages_in(configuration["project"]["nav"])
    there = {path.relative_to(STAGE).as_posix() for path in STAGE.rglob("*.md")}
    return [
        *(f"zensical.toml's navigation lacks {page}." for page in sorted(there - named)),
        *(
            f"zensical.toml's navigation names {page}, which does not exist."
            for page in sorted(named - there)
        ),
    ]


def pages_in(entries: object) -> set[str]:
    """Return every page below an entry of the navigation."""
    match entries:
        case str():
            return {entries}
        case dict():
            return {page for inner in entries.values() for page in pages_in(inner)}
        case list():
            return {page for inner in entries for page in pages_in(inner)}
        case _:
            raise TypeError(f"The navigation has an entry that is no page: {entries!r}.")


if __name__ == "__main__":
    sys.exit(main())
