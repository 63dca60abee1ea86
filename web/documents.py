"""The example operations of `queries/`: GraphiQL's tabs, test input and the README's examples."""

from dataclasses import dataclass
from pathlib import Path

USE_CASES = ("front_end", "back_end")
"""The folders, one for each end of a shop."""


@dataclass(frozen=True, slots=True)
class ExampleDocument:
    """One operation with example variables, in which "@name" stands for an object to be created."""

    name: str
    title: str
    text: str
    variables: str


def load_documents(folder: Path) -> tuple[ExampleDocument, ...]:
    """Return the documents of every use case, in the order of their numbers; each names itself in its first line."""
    paths = [path for use_case in USE_CASES for path in (folder / use_case).glob("*.graphql")]
    return tuple(_load(path) for path in sorted(paths, key=lambda path: path.name))


def _load(path: Path) -> ExampleDocument:
    text = path.read_text(encoding="utf-8")
    first_line = text.partition("\n")[0]
    title = first_line.removeprefix("#").strip() if first_line.startswith("#") else path.stem
    variables = path.with_suffix("").with_suffix(".variables.json")
    return ExampleDocument(
        name=f"{path.parent.name}/{path.stem}",
        title=title,
        text=text,
        variables=variables.read_text(encoding="utf-8") if variables.exists() else "{}",
    )
