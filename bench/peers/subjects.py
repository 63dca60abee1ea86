"""The compared programs: Tillgraph's server, and Medusa's payment module behind six bare routes.

Each is one process with a database of its own on the same PostgreSQL, which both reach over its Unix socket.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy.engine import make_url

from bench.flows import Flow, Timed, pay_once
from bench.wire import Connection
from tests.support.program.ports import free_port
from tests.support.program.running import ROOT, RunningServer, clean_environment
from tests.support.stores import databases

MEDUSA = Path(__file__).parent / "medusa"
MEDUSA_PACKAGE = MEDUSA / "node_modules" / "@medusajs" / "payment" / "package.json"
NODE = ROOT / ".venv-clients" / "bin" / "node"
"""The Node that comes with the typed clients' environment."""

END_SECONDS = 10.0

AMOUNT = "49.90"
REFUNDED = "10.00"

TILLGRAPH_PAID = (
    "SELECT count(*) FROM payments"
    " WHERE amount_minor = 4990 AND captured_minor = 4990 AND refunded_minor = 1000"
)
MEDUSA_PAID = (
    "SELECT count(*) FROM payment_collection WHERE status = 'completed'"
    " AND amount = 49.9 AND captured_amount = 49.9 AND refunded_amount = 10"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A running program that takes payments."""

    name: str
    port: int
    pid: int
    flow: Flow
    database: str
    """The address of its database."""
    paid: str
    """The statement that counts its payments that were captured in full and partly refunded."""

    def paid_count(self) -> int:
        """Return how many payments its database holds that were captured in full and partly refunded."""
        ((count,),) = databases.rows(self.database, self.paid)
        return int(count)


@contextmanager
def tillgraph() -> Iterator[Subject]:
    """Run the server as `make serve` does, all features on, on a new database of PostgreSQL."""
    databases.use("postgresql")
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder), is_started_afresh=True).start()
        try:
            assert server.process is not None
            yield Subject(
                "Tillgraph",
                server.port,
                server.process.pid,
                pay_once,
                server.database,
                TILLGRAPH_PAID,
            )
        finally:
            server.close()


@contextmanager
def medusa(node: Path = NODE) -> Iterator[Subject]:
    """Run Medusa's payment module on a new database of PostgreSQL."""
    port = free_port()
    address = databases.create_database()
    environment = {
        **clean_environment(),
        "NODE_ENV": "production",
        "DATABASE_URL": node_address(address),
        "PORT": str(port),
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [node_program(node), "server.js"],
            cwd=MEDUSA,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            assert process.stdout is not None
            if not any(line == b"ready\n" for line in process.stdout):
                log.seek(0)
                raise RuntimeError(f"Medusa's module did not start: {log.read()[-4000:].decode()}")
            yield Subject(
                "Medusa's payment module", port, process.pid, pay_at_medusa, address, MEDUSA_PAID
            )
        finally:
            end(process)
            databases.drop_database(address)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force if it does not end when asked."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def node_program(node: Path) -> str:
    """Return the path of Node itself: what lies in an environment starts it as a child, whose time would not count."""
    return _said(str(node), "--print", "process.execPath")


def node_version(node: Path) -> str:
    """Return Node's version, such as "v24.19.0"."""
    return _said(str(node), "--version")


def medusa_version() -> str:
    """Return the installed version of Medusa's payment module."""
    return str(orjson.loads(MEDUSA_PACKAGE.read_bytes())["version"])


def node_address(address: str) -> str:
    """Return a database's address as Node's driver reads it."""
    url = make_url(address).set(drivername="postgres")
    # A socket's folder is a parameter, and the address is not one without a host.
    return databases.text_of(url.set(host=url.host or "localhost"))


async def pay_at_medusa(connection: Connection, timings: Timed) -> None:
    """Make one payment at Medusa's module and refund a part of it: the same six steps as `pay_once`."""

    async def step(name: str, path: str, **body: str) -> dict[str, object]:
        started = time.perf_counter()
        value: dict[str, object] = await connection.post(path, orjson.dumps(body))
        timings[name].append(time.perf_counter() - started)
        return value

    collection = str((await step("create", "/create", amount=AMOUNT))["id"])
    session = await step("session", "/session", collection=collection, amount=AMOUNT)
    payment = str((await step("authorize", "/authorize", session=str(session["id"])))["id"])
    await step("capture", "/capture", payment=payment)
    await step("refund", "/refund", payment=payment, amount=REFUNDED)
    settled = await step("read back", "/read-back", collection=collection)
    sums = (settled["captured_amount"], settled["refunded_amount"])
    if settled["status"] != "completed" or sums != (float(AMOUNT), float(REFUNDED)):
        raise RuntimeError(f"The flow ended wrong: {settled}")


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()
