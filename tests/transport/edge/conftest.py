"""A real server of the edge alone, on a port of its own, with a schema of the tests' own."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx2
import orjson
import pytest
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from edge.authentication import Admitted
from edge.documents.documents import Documents
from edge.graphql_edge import GraphQLEdge
from edge.rate_limits.client_addresses import ClientAddresses
from edge.transport.connection_limits import Places
from edge.transport.uvicorn_config import give_up_unread, server_config
from payments.model.callers import BACK_END, Caller
from payments.model.errors import StoreBusy, Unauthenticated
from payments.model.ids import CollectionId
from tests.support.callers.clients import POOL_LIMITS
from tests.support.callers.sockets import PROTOCOL
from tests.support.waiting import until
from tests.transport.edge.subject import PROBE, WAIT_SECONDS, Context, Probe, make_schema

Json = dict[str, Any]
KEY = {"authorization": "Bearer sk_test"}
ORIGIN = "https://shop.example"
KERNEL_BYTES = 64 * 1024
"""Of each direction of a connection: little, so that what a connection takes is what the server reads."""

LIFE_SECONDS = 3600
"""Of the credential that ends."""

RECORDS: list[Json] = []
"""The records of the log, in order."""


def _keep(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Json:
    with PROBE.changed:
        RECORDS.append(dict(event))
        PROBE.changed.notify_all()
    raise structlog.DropEvent


async def authenticate(credential: str | None, _connection: HTTPConnection) -> Admitted:
    """Authenticate a secret key, a browser, one whose credential expires in an hour, and nobody else."""
    match credential:
        case "Bearer sk_test":
            return Admitted(BACK_END)
        case "Bearer browser":
            return Admitted(Caller(CollectionId("pay_col_1")))
        case "Bearer ending":
            ends_at = time.time_ns() // 1000 + LIFE_SECONDS * 1_000_000
            return Admitted(Caller(CollectionId("pay_col_1"), ends_at))
        case "Bearer busy":
            raise StoreBusy("The database did not answer in time.")
        case "Bearer broken":
            raise RuntimeError("secret")
        case _:
            raise Unauthenticated("A secret key or a client secret is needed.")


async def page(_request: Request) -> Response:
    """Stand for GraphiQL."""
    return HTMLResponse("<!doctype html>GraphiQL")


def is_origin_allowed(origin: str, _websocket: WebSocket) -> bool:
    """Allow one origin."""
    return origin == ORIGIN


class _Uvicorn(uvicorn.Server):
    """A Uvicorn server that says when it is ready to serve."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@dataclass
class EdgeServer:
    """A running server."""

    edge: GraphQLEdge
    uvicorn: _Uvicorn
    thread: threading.Thread
    port: int
    loop: asyncio.AbstractEventLoop
    client: httpx2.Client = field(init=False)
    idle_task_count: int = field(init=False)
    """Of the loop, while no request runs."""

    def __post_init__(self) -> None:
        self.client = httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers=KEY,
            timeout=WAIT_SECONDS,
            limits=POOL_LIMITS,
            verify=False,
        )
        self.idle_task_count = self.task_count()

    def post(
        self,
        query: str | None = None,
        *,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> httpx2.Response:
        """Send a POST: a query with its other parameters, a body, or raw content."""
        given = {"content-type": "application/json", **(headers or {})}
        if content is not None:
            return self.client.post("/graphql", content=content, headers=given)
        if body is None:
            body = {"query": query, **request}
        return self.client.post("/graphql", json=body, headers=given)

    def get(self, headers: dict[str, str] | None = None, **parameters: str) -> httpx2.Response:
        """Send a GET."""
        return self.client.get("/graphql", params=parameters, headers=headers or {})

    def raw(self, request: bytes) -> bytes:
        """Send bytes, and read until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), WAIT_SECONDS) as connection:
            connection.sendall(request)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def connect(
        self, *, subprotocol: Subprotocol | None = PROTOCOL, **options: Any
    ) -> ClientConnection:
        """Open a WebSocket."""
        connection: ClientConnection = connect(
            f"ws://127.0.0.1:{self.port}/graphql",
            subprotocols=[subprotocol] if subprotocol else None,
            open_timeout=WAIT_SECONDS,
            **options,
        )
        return connection

    def task_count(self) -> int:
        """Count the tasks of the server's loop."""
        found: list[int] = []
        done = threading.Event()

        def count() -> None:
            found.append(len(asyncio.all_tasks(self.loop)))
            done.set()

        self.loop.call_soon_threadsafe(count)
        assert done.wait(WAIT_SECONDS)
        return found[0]

    @property
    def connections(self) -> set[object]:
        """Return the connections that are open now; those of the client of this stay for a while."""
        return set(self.uvicorn.server_state.connections)

    def close(self) -> None:
        """Stop."""
        self.client.close()
        self.loop.call_soon_threadsafe(self.edge.stop)
        self.uvicorn.should_exit = True
        self.thread.join(WAIT_SECONDS)
        assert not self.thread.is_alive()


def start(places: Places | None = None, keep_alive_seconds: int = 75, **options: Any) -> EdgeServer:
    """Start a server on a free port."""
    documents = options.pop("documents", None) or Documents(make_schema())
    edge = GraphQLEdge(
        documents,
        context_for=Context,
        authenticate=authenticate,
        is_origin_allowed=is_origin_allowed,
        **{"page": page, **options},
    )
    listener = socket.create_server(("127.0.0.1", 0))
    give_up_unread(listener)
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        listener.setsockopt(socket.SOL_SOCKET, buffer, KERNEL_BYTES)
    config = server_config(
        Starlette(routes=edge.routes()),
        places or Places(ClientAddresses(()), in_all=1_000, per_address=None),
        keep_alive_seconds=keep_alive_seconds,
        shutdown_seconds=5,
        lifespan="off",
    )
    server = _Uvicorn(config)
    loops: list[asyncio.AbstractEventLoop] = []

    def run() -> None:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            loops.append(runner.get_loop())
            runner.run(server.serve([listener]))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert server.ready.wait(WAIT_SECONDS)
    return EdgeServer(edge, server, thread, listener.getsockname()[1], loops[0])


@pytest.fixture(scope="session", autouse=True)
def _logging() -> Iterator[None]:
    structlog.configure(processors=[_keep], cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="package")
def shared() -> Iterator[EdgeServer]:
    """Return the server that most tests share."""
    server = start()
    yield server
    server.close()


@pytest.fixture
def edge(shared: EdgeServer, probe: Probe) -> EdgeServer:
    """Return a server, with the counts at zero."""
    return shared


@pytest.fixture
def probe() -> Iterator[Probe]:
    """Return the counts, at zero; whatever a test did, no source may be open after it."""
    PROBE.reset()
    RECORDS.clear()
    yield PROBE
    PROBE.wait("open", 0)


@pytest.fixture
def records(shared: EdgeServer, probe: Probe) -> Callable[[int], list[Json]]:
    """Return a function that waits for so many log lines of requests and gives them."""
    # What ran before this test has been logged, too.
    until(lambda: shared.task_count() == shared.idle_task_count)
    RECORDS.clear()

    def wait(count: int) -> list[Json]:
        def found() -> list[Json]:
            return [record for record in RECORDS if record["event"] == "request"]

        probe.wait_for(lambda: len(found()) >= count)
        return found()

    return wait


@pytest.fixture
def make_edge(probe: Probe) -> Iterator[Callable[..., EdgeServer]]:
    """Return a function that starts servers with other options."""
    started: list[EdgeServer] = []

    def make(**options: Any) -> EdgeServer:
        started.append(start(**options))
        return started[-1]

    yield make
    for server in started:
        server.close()


@pytest.fixture
def end_credentials(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that sets the clock of the streams forward, past the end of the credential that ends."""
    is_over = threading.Event()

    def clock() -> float:
        return time.time() + (LIFE_SECONDS + 1 if is_over.is_set() else 0)

    monkeypatch.setattr("edge.connections.time", SimpleNamespace(time=clock))
    monkeypatch.setattr("edge.connections._LONGEST_TIMER_SECONDS", 0.01)
    return is_over.set


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, float], None]:
    """Return a function that sets one limit for a test."""

    def set_limit(name: str, value: float) -> None:
        monkeypatch.setattr(f"edge.limits.{name}", value)

    return set_limit


@contextmanager
def _opened(server: EdgeServer, credential: str | None) -> Iterator["Client"]:
    with server.connect() as socket_:
        client = Client(socket_)
        payload = {"authorization": credential} if credential else {}
        client.send({"type": "connection_init", "payload": payload})
        assert client.receive() == {"type": "connection_ack"}
        yield client


@pytest.fixture
def opened(edge: EdgeServer) -> Callable[..., AbstractContextManager["Client"]]:
    """Return a function that opens a socket and initialises it."""

    def open_socket(
        credential: str | None = "Bearer sk_test", server: EdgeServer = edge
    ) -> AbstractContextManager[Client]:
        return _opened(server, credential)

    return open_socket


@dataclass
class Client:
    """A client of graphql-transport-ws, without a mind of its own."""

    socket: ClientConnection

    def send(self, message: object) -> None:
        """Send a message as JSON."""
        self.socket.send(orjson.dumps(message).decode())

    def subscribe(self, id: str, query: str, **request: object) -> None:
        """Ask for an operation."""
        self.send({"id": id, "type": "subscribe", "payload": {"query": query, **request}})

    def receive(self) -> Json:
        """Receive a message; frames are text."""
        frame = self.socket.recv(WAIT_SECONDS)
        assert isinstance(frame, str)
        message: Json = orjson.loads(frame)
        return message

    def closed(self) -> tuple[int, str]:
        """Wait until the server closes; return its code and reason."""
        with pytest.raises(ConnectionClosed) as closed:
            self.socket.recv(WAIT_SECONDS)
        frame = closed.value.rcvd
        assert frame is not None
        return frame.code, frame.reason


Opened = Callable[..., AbstractContextManager[Client]]
"""Opens a socket and initialises it."""

Limit = Callable[[str, float], None]
"""Sets one limit for a test."""
