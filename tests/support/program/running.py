"""Real servers for the tests: a process of its own, a database of its own, a free loopback port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx2
import orjson

from db.engine.limits import LOCK_SECONDS
from tests.support.callers.clients import POOL_LIMITS
from tests.support.program import failures
from tests.support.program.files import whole_lines
from tests.support.program.ports import free_port
from tests.support.program.starting import Program, Started, run, start
from tests.support.stores import databases
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
QUERIES = ROOT / "queries"
DOCUMENTS = ROOT / "tests" / "documents"
"""The folder of `complete/`: for each mutation, every field of every member of its result."""
URL = "TILLGRAPH_DATABASE_URL"
SQLITE = "sqlite+aiosqlite:///"
FAULTS = "faults"
"""The file, beside a test build's database, that says where it fails."""

WRONG_CLOCK = {"PYTHONPATH": str(ROOT / "tests" / "faults" / "clock")}
"""For a server whose clock `set_clock` sets."""

SERVES = b"Tillgraph serves on"
"""The line that each process prints once it serves."""

WORKERS = "--workers"
"""The argument of `serve` for several processes."""

SHORT_WAITS = {"TILLGRAPH_TEST_WAIT_SCALE": "5"}
"""For a test build: a payment's lease is a second, and every other wait shrinks with it; see
payments/flow/fault_injection.py.

But for the wait for a database's lock, which PATIENT_LOCKS says.
"""

PATIENT_LOCKS = {"TILLGRAPH_TEST_LOCK_SECONDS": "60"}
"""Of every test build that is not told otherwise: a crowd on a slow machine is not sent away."""

SHORT_LOCKS = {"TILLGRAPH_TEST_LOCK_SECONDS": "0.6"}
"""For a test build, and a test that repeats refused calls."""

SHIPPED_LOCKS = {"TILLGRAPH_TEST_LOCK_SECONDS": str(LOCK_SECONDS)}
"""For a test build that waits as long as is shipped."""

LONG_WAITS = {"TILLGRAPH_TEST_WAIT_SCALE": "0.1"}
"""For a test build: no time limit ends while a test lets it wait, on however slow a machine."""

NEVER_POLLS = {"TILLGRAPH_TEST_POLL_SECONDS": "86400"}
"""For a test build: it learns of another process's changes only by a hint."""

NO_RECOVERY = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "3600"}
"""Unsettled operations stay so, unless the test resolves them."""

QUICK_RECOVERY = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.5"}

START_SECONDS = 60.0
STOP_SECONDS = 30.0

Json = Any
"""Decoded JSON; the tests select from it by name."""


def document(name: str) -> str:
    """Return a document of `queries/`, such as "back_end/08_capture_payment", or "complete/capturePayment"."""
    folder = DOCUMENTS if name.startswith("complete/") else QUERIES
    return (folder / f"{name}.graphql").read_text()


def document_names() -> list[str]:
    """Return the name of every document that `document` reads, in their order."""
    paths = [path for folder in (QUERIES, DOCUMENTS) for path in folder.glob("*/*.graphql")]
    return sorted(f"{path.parent.name}/{path.stem}" for path in paths)


def set_clock(folder: Path, wrong_by_seconds: int) -> None:
    """Set the clock of a server that runs in a folder wrong from now on."""
    (folder / "clock").write_text(str(wrong_by_seconds))


def clean_environment() -> dict[str, str]:
    """Return this process's environment without any setting of the server's."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TILLGRAPH_") and name not in ("HOST", "PORT")
    }


@dataclass
class RunningServer:
    """A process of `python server.py serve`, in a folder of its own."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    arguments: tuple[str, ...] = ()
    """Of `serve`."""
    is_test_build: bool = False
    """It runs from build.py here: days pass in seconds if told, and it fails at the points that `fail_at` names."""
    is_started_afresh: bool = False
    """It is an interpreter of its own, as the README starts it, rather than forked from one; see starting.py here."""
    checkout: Path = ROOT
    """The directory in which an interpreter of its own finds the program."""
    process: "Started | subprocess.Popen[bytes] | None" = None
    client: httpx2.Client = field(init=False)
    is_database_own: bool = field(init=False)
    """It was created for this server, and ends with it."""
    start_seconds: float = START_SECONDS
    error_to: IO[bytes] | None = None
    """Receives its standard error, instead of the log's file."""
    credential: str | None = None
    """Sent as the bearer token of calls that name none."""
    _said_before: int = field(init=False, default=0)
    """Bytes of the log from earlier starts."""

    def __post_init__(self) -> None:
        """Create the client, and the database if it is not a file; the server is not started yet."""
        self.is_database_own = URL not in self.environment
        if self.is_database_own and (address := self._new_database()) is not None:
            self.environment = {**self.environment, URL: address}
        self.client = self._new_client()

    def _new_database(self) -> str | None:
        if self.is_started_afresh:
            return databases.create_where_needed()
        return databases.create(self.folder / "tillgraph.db")

    @property
    def url(self) -> str:
        """Return the server's address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Return the address for sockets."""
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def database(self) -> str:
        """Return the address of the server's database."""
        return self.environment.get(URL, f"{SQLITE}{self.folder / 'tillgraph.db'}")

    def rows(self, statement: str, *values: object) -> list[databases.Row]:
        """Run one statement on the server's database, bypassing the server; its parameters are written as ?."""
        return databases.rows(self.database, statement, *values)

    @property
    def log_path(self) -> Path:
        """Return the file of the server's log: one JSON object a line."""
        return self.folder / "server.log"

    def start(self) -> "RunningServer":
        """Start the process and wait until it is ready."""
        self.launch()
        assert self.process is not None
        ends_at = time.monotonic() + self.start_seconds
        while time.monotonic() < ends_at:
            if self.process.poll() is not None:
                raise RuntimeError(f"The server ended at once: {self.log_path.read_text()[-4000:]}")
            if self._serves() and self.is_ready():
                return self
            time.sleep(0.05)
        raise RuntimeError(f"The server was not ready in time: {self.log_path.read_text()[-4000:]}")

    def _serves(self) -> bool:
        """Return whether every process has printed that it serves: a later one would not know what a test changes."""
        many = self.arguments[self.arguments.index(WORKERS) + 1] if WORKERS in self.arguments else 1
        return self.log_path.read_bytes()[self._said_before :].count(SERVES) >= int(many)

    def is_ready(self) -> bool:
        """Return whether it accepts new work; False if it does not answer."""
        try:
            return self.client.get("/health/ready").status_code == 200
        except httpx2.TransportError:
            return False

    def launch(self) -> None:
        """Start the process without waiting for anything."""
        failures.watch(self.log_path)
        self._said_before = self.log_path.stat().st_size if self.log_path.exists() else 0
        environment = {**clean_environment(), "PORT": str(self.port), **self.environment}
        if self.is_test_build:
            faults = {"TILLGRAPH_TEST_FAULTS": str(self.folder / FAULTS)}
            environment = {**PATIENT_LOCKS, **environment, **faults}
        arguments = ["serve", *self.arguments]
        with self.log_path.open("ab") as log:
            if self.is_started_afresh:
                self.process = subprocess.Popen(
                    [*self._command, *arguments],
                    cwd=self.folder,
                    env=environment,
                    stdout=log,
                    stderr=self.error_to or log,
                )
            else:
                self.process = start(
                    self._program,
                    arguments,
                    folder=self.folder,
                    environment=environment,
                    output=log,
                    error=self.error_to or log,
                )

    def reconnect(self) -> None:
        """Use new connections from now on, so that another of the server's processes may serve them."""
        self.client.close()
        self.client = self._new_client()

    def check(self) -> tuple[int, str]:
        """Return what `python server.py check` would print, without starting a process.

        It runs after nearly every test, and a process costs seconds; tests/api/program/test_check.py tests the
        command.
        """
        broken = databases.broken(self.database)
        said = "".join(f"{one}\n" for one in broken) or "Every invariant holds.\n"
        return (1 if broken else 0), said

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run another command beside the server; return its exit code and its output without log lines."""
        environment = {**clean_environment(), **self.environment}
        ended = run(self._program, arguments, folder=self.folder, environment=environment)
        lines = (ended.stdout + ended.stderr).splitlines(keepends=True)
        return ended.returncode, "".join(line for line in lines if not line.startswith("{"))

    @property
    def _command(self) -> tuple[str, ...]:
        return (sys.executable, "-W", "error", str(self.checkout / "server.py"))

    @property
    def _program(self) -> Program:
        return "test build" if self.is_test_build else "server"

    def fail_at(self, point: str) -> None:
        """Let a test build kill itself when it next reaches a point, such as "after prepare".

        The points are listed in payments/flow/fault_injection.py.
        """
        (self.folder / FAULTS).write_text(point)

    def hold_at(self, point: str) -> None:
        """Let a test build wait at a point until `go_on`."""
        self._held_path.unlink(missing_ok=True)
        self.fail_at(f"hold {point}")

    def wait_until_held(self) -> None:
        """Wait until a test build waits at the point that `hold_at` named."""
        until(self._held_path.exists)

    @property
    def _held_path(self) -> Path:
        return (self.folder / FAULTS).with_suffix(".held")

    def go_on(self) -> None:
        """Let a test build continue from the point at which it waits, and fail nowhere."""
        (self.folder / FAULTS).unlink(missing_ok=True)

    def kill(self) -> None:
        """End the process as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End the process as an operator would, and return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_SECONDS)

    def close(self) -> None:
        """End the process, whatever its state, and the client; other tests are about stopping a server."""
        self.client.close()
        if self.process is not None and self.process.poll() is None:
            if WORKERS in self.arguments:  # They outlive a killed parent for a moment.
                self.stop()
            else:
                self.kill()
        if self.is_database_own:
            databases.drop_database(self.database)

    def post(
        self, query: str, variables: Mapping[str, Json] | None = None, *, bearer: str | None = None
    ) -> httpx2.Response:
        """Send a GraphQL request and return the whole response."""
        body = orjson.dumps({"query": query, "variables": variables or {}})
        headers = {"content-type": "application/json"}
        credential = bearer or self.credential
        if credential is not None:
            headers["authorization"] = f"Bearer {credential}"
        return self.client.post("/graphql", content=body, headers=headers)

    def execute(
        self, query: str, variables: Mapping[str, Json] | None = None, *, bearer: str | None = None
    ) -> Json:
        """Execute a document and return its data; a top-level error fails the test."""
        response = self.post(query, variables, bearer=bearer)
        answer = orjson.loads(response.content)
        assert "errors" not in answer, answer["errors"]
        assert response.status_code == 200, response.text
        return answer["data"]

    def run(self, name: str, *, bearer: str | None = None, **variables: Json) -> Json:
        """Execute a document of `queries/` and return the value of its one root field."""
        data = self.execute(document(name), variables, bearer=bearer)
        (value,) = data.values()
        return value

    def change(
        self, field_name: str, input: Mapping[str, Json], *, bearer: str | None = None
    ) -> Json:
        """Run a mutation with the document that selects every field of every member of its result."""
        data = self.execute(document(f"complete/{field_name}"), {"input": input}, bearer=bearer)
        return data[field_name]

    def ledger(self, session_id: str | None = None) -> list[Json]:
        """Return the sandbox gateway's effects, optionally of one session, oldest first."""
        headers = {} if self.credential is None else {"authorization": f"Bearer {self.credential}"}
        params = {} if session_id is None else {"session": session_id}
        response = self.client.get("/sandbox/ledger", headers=headers, params=params)
        assert response.status_code == 200, response.text
        return list(response.json())

    def _new_client(self) -> httpx2.Client:
        # Nothing here uses TLS: reading the certificate authorities takes longer than most tests.
        return httpx2.Client(
            base_url=self.url, timeout=30, limits=POOL_LIMITS, trust_env=False, verify=False
        )

    def log_lines(self) -> list[Json]:
        """Return the server's log lines that are JSON objects."""
        return [orjson.loads(line) for line in whole_lines(self.log_path) if line.startswith(b"{")]
