"""graphql-codegen's client: every union narrows, in a program that runs against a real server, of today or of later."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import expected, narrowing
from tests.clients.conftest import KEY, SETTINGS, Project
from tests.clients.unions import Union
from tests.support.flow.shop import open_collection
from tests.support.program.running import RunningServer

TSC = "node_modules/.bin/tsc"
AS_A_BROWSER = ("--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext")
"""Of the compiler: it knows what every browser has, and nothing of Node's."""

PRODUCTION = {
    **SETTINGS,
    "TILLGRAPH_ENVIRONMENT": "production",
    "TILLGRAPH_SIGNING_KEYS": "signing-key-of-the-typed-clients",
    "TILLGRAPH_SANDBOX_ENABLED": "true",
    "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": "webhook-secret-of-the-typed-clients",
}


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory, typescript: Project) -> Path:
    """Return a folder with the manifest that was generated with the client, and nothing else."""
    folder = tmp_path_factory.mktemp("trusted")
    shutil.copy(typescript.folder / "tillgraph" / "persisted-documents.json", folder)
    return folder


@pytest.fixture(scope="module")
def settings(trusted: Path) -> dict[str, str]:
    """Return the servers the manifest: the client sends hashes alone."""
    return {**SETTINGS, "TILLGRAPH_DOCUMENTS": str(trusted)}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory, trusted: Path) -> Iterator[RunningServer]:
    """Return a production server that trusts the manifest alone."""
    settings = {**PRODUCTION, "TILLGRAPH_DOCUMENTS": str(trusted)}
    running = RunningServer(tmp_path_factory.mktemp("production"), settings)
    running.credential = KEY
    yield running.start()
    running.close()


@pytest.fixture(scope="module")
def compiled(typescript: Project) -> Project:
    """Return the project, compiled in strict mode; what it narrows is every union of every document."""
    assert typescript.must_run(TSC) == ""
    return typescript


def test_every_union_narrows(compiled: Project, unions: list[Union]) -> None:
    """The compiler takes a program that narrows to each member and leaves none, and refuses what is another's."""
    program = (compiled.folder / "every_union.ts").read_text()
    assert program.count("return none(result);") == len(unions)
    assert program.count("@ts-expect-error") > len(unions)


def test_a_forgotten_member_is_seen(compiled: Project, unions: list[Union]) -> None:
    """If one member of each union is forgotten, the compiler reports each of them."""
    forgetful = compiled.folder / "forgetful.ts"
    forgetful.write_text(narrowing.typescript(one.without_last_member() for one in unions))
    ended = compiled.run(TSC, "--noEmit")
    forgetful.unlink()
    assert ended.returncode != 0
    found = re.findall(
        r"^forgetful\.ts.* error (TS\d+):.*to parameter of type 'never'", ended.stdout, re.M
    )
    assert found == ["TS2345"] * len(unions)


def test_the_flow(compiled: Project, today: RunningServer) -> None:
    """The client opens, authorizes, watches, captures, refunds and lists, and reads each answer as what it is."""
    printed = compiled.must_run("node", "compiled/shop.js", today.url, KEY)
    assert printed.splitlines() == expected.flow(action="REDIRECT", failure="CaptureFailed")


def test_every_refusal(compiled: Project, today: RunningServer, unions: list[Union]) -> None:
    """Each mutation of each document reads code, message and retryable where successes are sorted out first."""
    given = expected.refused_inputs(unions)
    printed = compiled.must_run("node", "compiled/every_union.js", today.url, KEY, given)
    assert expected.read_refusals(printed) == expected.refusals(unions, missing="NOT_FOUND")


@pytest.mark.long
def test_the_flow_on_a_later_server(compiled: Project, later: RunningServer) -> None:
    """An action and a failure that are not known are read by their interfaces, and the flow goes on."""
    printed = compiled.must_run("node", "compiled/shop.js", later.url, KEY)
    assert printed.splitlines() == expected.flow(action="SCAN", failure="HeldBack")


@pytest.mark.long
def test_every_refusal_of_a_later_server(
    compiled: Project, later: RunningServer, unions: list[Union]
) -> None:
    """A member of any result union that is not known, with a code that is not known, is read as a Failure."""
    given = expected.refused_inputs(unions)
    printed = compiled.must_run("node", "compiled/every_union.js", later.url, KEY, given)
    assert expected.read_refusals(printed) == expected.refusals(unions, missing="GONE")


def test_a_browser_pays_in_production(compiled: Project, production: RunningServer) -> None:
    """With a client secret it opens, authorizes and watches by hashes; a text that is not in the manifest is 403."""
    opened = open_collection(production, "49.90")
    printed = compiled.must_run(
        "node", "compiled/checkout.js", production.url, opened["clientSecret"], opened["id"]
    )
    assert printed.splitlines() == [
        "session PENDING",
        "payment AUTHORIZED 49.90",
        "watching AUTHORIZED",
        "refused 403 DOCUMENT_NOT_TRUSTED",
    ]


def test_what_sends_needs_nothing_of_nodes(compiled: Project) -> None:
    """With a browser's names alone the compiler accepts send.ts, and not shop.ts, which reads its arguments."""
    options = (*AS_A_BROWSER, "--target", "es2023", "--lib", "es2023,dom", "--types", "")
    assert compiled.must_run(TSC, *options, "send.ts") == ""
    assert "Cannot find name 'process'" in compiled.run(TSC, *options, "shop.ts").stdout
