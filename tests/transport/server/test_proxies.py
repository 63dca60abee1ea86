"""A server behind nginx: without keys nobody is let in by it, and with them all goes through that goes here."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.callers.log import WATCH
from tests.support.callers.streams import TRANSPORTS, following
from tests.support.flow.shop import open_collection, open_with_session
from tests.support.program.keys import SECRET_KEY
from tests.support.program.ports import free_port
from tests.support.program.running import ROOT, RunningServer
from tests.support.stores.evidence import evidence_of
from tests.support.waiting import until

pytestmark = [pytest.mark.once, pytest.mark.long]

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused-1;
    uwsgi_temp_path {folder}/unused-2;
    scgi_temp_path {folder}/unused-3;
    {sites}
}}
"""
AS_IT_COMES = """
server { listen 80; location / { proxy_pass http://127.0.0.1:8000; proxy_http_version 1.0; } }
"""
"""The version is nginx's default before 1.29.7."""

ELSEWHERE = {"host": "pay.example"}


def as_documented() -> str:
    """Take the configuration out of the page that shows it."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return text.partition("```nginx\n")[2].partition("```")[0]


@contextmanager
def nginx(folder: Path, server: RunningServer, sites: str) -> Iterator[RunningServer]:
    """Run nginx before a server; return what calls that server by it."""
    port = free_port()
    sites = sites.replace("listen 80;", f"listen 127.0.0.1:{port};")
    sites = sites.replace("http://127.0.0.1:8000", server.url)
    folder.mkdir()
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, sites=sites))
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "Install nginx: it is Debian's package nginx-light."
    process = subprocess.Popen(
        [program, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")],
    )
    by_proxy = RunningServer(server.folder, server.environment, port)
    by_proxy.credential = server.credential
    try:
        until(lambda: is_there(by_proxy))
        yield by_proxy
    finally:
        by_proxy.client.close()
        process.terminate()
        process.wait()


def is_there(server: RunningServer) -> bool:
    """Return whether anybody answers."""
    try:
        return server.client.get("/nowhere").status_code == 404
    except httpx2.TransportError:
        return False


def test_nginx_as_it_comes_lets_nobody_in_without_keys(
    make_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """It adds no header and writes loopback's Host: no mutation, no GraphiQL, nothing of the sandbox."""
    server = make_server().start()
    _, session = open_with_session(server, "challenge")
    before = evidence_of(server)
    with nginx(tmp_path / "nginx", server, AS_IT_COMES) as outside:
        client = outside.client
        mutation = "mutation { createPaymentCollection(input: {}) { __typename } }"
        statuses = [
            client.post("/graphql", json={"query": mutation}, headers=ELSEWHERE).status_code,
            client.get("/graphql", headers={**ELSEWHERE, "accept": "text/html"}).status_code,
            client.post("/graphql/examples", json={}, headers=ELSEWHERE).status_code,
            client.get("/sandbox/ledger", headers=ELSEWHERE).status_code,
        ]
        assert statuses == [401] * 4
        challenge = f"/sandbox/challenges/{session}"
        answered = client.post(challenge, json={"result": "approve"}, headers=ELSEWHERE)
        assert answered.status_code == 404
    assert evidence_of(server) == before
    assert server.client.get("/graphql", headers={"accept": "text/html"}).status_code == 200
    open_collection(server)


def test_nginx_as_it_is_documented(
    make_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """With keys, requests, sockets and event streams go through, each at once; figures do not."""
    server = make_server(TILLGRAPH_SECRET_KEYS=SECRET_KEY, TILLGRAPH_TRUSTED_PROXIES="127.0.0.1")
    server.credential = SECRET_KEY
    server.start()
    with nginx(tmp_path / "nginx", server, as_documented()) as outside:
        collection = open_collection(outside)
        for transport in TRANSPORTS:
            begun = time.monotonic()
            with following(outside, transport, WATCH, {"id": collection["id"]}) as watching:
                assert watching.next()["paymentCollection"]["id"] == collection["id"]
            assert time.monotonic() - begun < 15  # The heartbeat would end a buffering.
        without = httpx2.post(f"{outside.url}/graphql", json={"query": "{ __typename }"})
        assert without.status_code == 401
        assert outside.client.get("/metrics").status_code == 403
        assert outside.client.get("/health/ready").status_code == 403
    assert not [line for line in server.log_lines() if line["event"] == "proxy not named"]
