"""The rooms of the design: who may import whom, what stays in one room, how long code may be."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent

# Each room and the rooms that it may import. A folder's name stands for all that lies in it. Rooms that have no code
# yet are no fault.
MAY_IMPORT: Final = {
    # The domain, in layers: each may import only what lies below it.
    "payments/model": set[str](),
    "payments/ports": {"payments/model"},
    "payments/flow": {"payments/model", "payments/ports"},
    "payments/use_cases": {"payments/model", "payments/ports", "payments/flow"},
    "payments/recovery": {"payments/model", "payments/ports", "payments/flow"},
    "webhooks": {"payments/model", "schema/cursors"},
    "webhooks/limits": set[str](),
    "webhooks/model": {"payments/model"},
    "webhooks/ports": {"payments/model", "webhooks/model"},
    # What implements the ports.
    "db": {
        "payments/model",
        "payments/ports",
        "webhooks/limits",
        "webhooks/model",
        "webhooks/ports",
    },
    "providers": {"payments/model", "payments/ports", "edge/transport/bodies"},
    # What lies between the domain and the network.
    "edge": {"payments/model", "payments/ports", "payments/flow", "edge/transport/bodies"},
    "events": {
        "payments/model",
        "payments/ports",
        "payments/flow",
        "payments/recovery",
        "schema/cursors",
        "edge/transport/bodies",
    },
    # Everybody who is sent a body reads it by the same function.
    "edge/transport/bodies": set[str](),
    # A stream, a webhook and a list name their place by the same words.
    "schema/cursors": {"payments/model"},
    "schema": {"payments/model", "webhooks"},
    "resolvers": {
        "payments/model",
        "payments/ports",
        "payments/flow",
        "payments/use_cases",
        "schema",
        "webhooks",
    },
    "web": {"payments", "schema/cursors", "webhooks"},
    # What builds and runs one program of all of them.
    "app": {"db", "edge", "events", "payments", "providers", "resolvers", "web", "webhooks"},
    "server": {"app", "db", "edge", "payments", "providers", "resolvers"},
    # The docstring of the domain's folder.
    "payments": set[str](),
}

# Code beside the product; it may import every room, and no room may import it.
OUTSIDE: Final = {"bench", "proofs", "tests", "tools"}

# Libraries that belong to some rooms alone. A new gateway's library is one line here.
STAYS_IN: Final = {
    "alembic": {"db"},
    "graphql": {"edge", "resolvers", "schema"},
    "limits": {"edge"},
    "redis": {"edge"},
    "sqlalchemy": {"db"},
    "starlette": {
        "app",
        "edge",
        "edge/transport/bodies",
        "events",
        "providers",
        "resolvers",
        "web",
    },
    "strawberry": {"resolvers", "schema"},
    "stripe": {"providers"},
}

# What the other rooms may import of the providers: the list of them, what they are given, and what some offer.
OF_PROVIDERS: Final = {"providers.registry", "providers.routes", "providers.settings"}

FUNCTION_LINES_MAX: Final = 60  # One screen.
FILE_LINES_MAX: Final = 500  # One subject: a longer file holds two.
FOLDER_FILES_MAX: Final = 20  # One look: a larger folder has subjects of its own.
OF_ANY_LENGTH: Final = ("tests/", "db/migrations/")

# Calls that name a module by a string: importlib's own and Strawberry's lazy types.
NAMING_CALLS: Final = {"__import__", "import_module", "lazy"}


def test_every_folder_with_code_is_a_room() -> None:
    """Code in a folder or a file that the design does not name fails until it has a room."""
    rooms = {room_of(path) for path in code_files()}
    assert rooms <= MAY_IMPORT.keys() | OUTSIDE


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_the_design_lets_it(room: str) -> None:
    """No file of the room imports a room above it or a library that belongs elsewhere."""
    assert [
        f"{path}: {fault}"
        for path in code_files()
        if room_of(path) == room
        for fault in import_faults(room, source_of(path))
    ] == []


@pytest.mark.parametrize(
    ("room", "source", "fault"),
    [
        ("payments/model", "import db.flow_store", "payments/model imports db"),
        (
            "payments/model",
            "from payments.ports.store import Store",
            "payments/model imports payments/ports",
        ),
        ("payments/ports", "from payments import flow", "payments/ports imports payments/flow"),
        (
            "payments/flow",
            "import payments.recovery.loop",
            "payments/flow imports payments/recovery",
        ),
        (
            "payments/recovery",
            "from payments.use_cases import sessions",
            "payments/recovery imports payments/use_cases",
        ),
        ("webhooks", "from events.updates import Updates", "webhooks imports events"),
        ("db", "from payments.flow.runtime import Flow", "db imports payments/flow"),
        ("schema", "from resolvers import loaders", "schema imports resolvers"),
        ("edge", "def late():\n    from schema.node import Node", "edge imports schema"),
        ("schema", "strawberry.lazy('resolvers.loaders')", "schema imports resolvers"),
        ("providers", "importlib.import_module('db')", "providers imports db"),
        ("web", "import tests.conftest", "web imports tests"),
        ("events", "from sqlalchemy import text", "events imports sqlalchemy"),
        ("db", "import stripe", "db imports stripe"),
        ("edge", "import strawberry.types", "edge imports strawberry"),
        ("payments/flow", "from graphql import parse", "payments/flow imports graphql"),
    ],
)
def test_an_import_across_a_wall_is_seen(room: str, source: str, fault: str) -> None:
    """The reader of imports finds one at the top, in a function, and named by a string."""
    assert import_faults(room, source) == [fault]


def test_the_registry_alone_knows_which_providers_there_are() -> None:
    """No other room imports one of them: a further provider is a line in the registry."""
    assert [
        f"{path} imports {module}"
        for path in code_files()
        if room_of(path) not in OUTSIDE | {"providers"}
        for module in imported_modules(ast.parse(source_of(path)))
        if module.startswith("providers") and ".".join(module.split(".")[:2]) not in OF_PROVIDERS
    ] == []


def test_every_function_reads_on_one_screen() -> None:
    """No function of the product is longer than 60 lines."""
    assert [
        f"{path}:{node.lineno} {node.name}: {length} lines"
        for path in code_files()
        if not path.startswith(OF_ANY_LENGTH)
        for node in ast.walk(ast.parse(source_of(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ] == []


def test_every_file_stays_short() -> None:
    """No file of the product is longer than 500 lines."""
    assert [
        f"{path}: {length} lines"
        for path in code_files()
        if not path.startswith(OF_ANY_LENGTH)
        if (length := len(source_of(path).splitlines())) > FILE_LINES_MAX
    ] == []


def test_every_folder_stays_small() -> None:
    """No folder has more than 20 modules, those of migrations aside, which grow with every release."""
    sizes = Counter(
        folder
        for path in code_files()
        if not path.endswith("/__init__.py")
        if not (folder := path.rpartition("/")[0]).startswith("db/migrations")
    )
    assert {folder: size for folder, size in sizes.items() if size > FOLDER_FILES_MAX} == {}


def test_no_function_writes_into_the_one_around_it() -> None:
    """A transaction that is rolled back runs its function again: what that finds it returns, and keeps nowhere else."""
    assert [
        f"{path}:{node.lineno}"
        for path in code_files()
        if room_of(path) not in OUTSIDE
        for node in ast.walk(ast.parse(source_of(path)))
        if isinstance(node, ast.Nonlocal)
    ] == []


def code_files() -> list[str]:
    """Return every Python file of the checkout by its path from the root, hidden folders left out."""
    return sorted(
        inner.relative_to(ROOT).as_posix()
        for outer in ROOT.iterdir()
        if not outer.name.startswith(".")
        for inner in ([outer] if outer.is_file() else outer.rglob("*.py"))
        if inner.suffix == ".py" and "node_modules" not in inner.parts
    )


def room_of(path: str) -> str:
    """Return the room that a path from the root lies in: a layer or a file with a row of its own, or the top folder."""
    parts = path.removesuffix(".py").split("/")
    rooms = ("/".join(parts[:depth]) for depth in (3, 2))
    return next((room for room in rooms if room in MAY_IMPORT), parts[0])


def source_of(path: str) -> str:
    """Read a file by its path from the root."""
    return (ROOT / path).read_text(encoding="utf-8")


def import_faults(room: str, source: str) -> list[str]:
    """Return the imports of a room's source that the design does not let it have."""
    ours = MAY_IMPORT.keys() | OUTSIDE
    elsewhere = {library for library, rooms in STAYS_IN.items() if room not in rooms}
    imported = {room_of(module.replace(".", "/")) for module in imported_modules(ast.parse(source))}
    return [
        f"{room} imports {one}"
        for one in sorted(imported)
        if one in elsewhere or (one in ours and not may_import(room, one))
    ]


def may_import(room: str, other: str) -> bool:
    """Return whether a room may import another one, by its own name or by that of the folder it lies in."""
    allowed = MAY_IMPORT[room] | {room}
    return other in allowed or other.partition("/")[0] in allowed


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield each module that the code imports or names by a string, wherever it stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                # What is imported may be a module itself, and a layer.
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name),
                args=[ast.Constant(value=str(module)), *_],
            ) if name in NAMING_CALLS:
                yield module
            case _:
                pass
