"""The sandbox gateway as a process of its own, for tests that put something between it and a server."""

import time
from pathlib import Path

import httpx2

from tests.support.program import failures
from tests.support.program.ports import free_port
from tests.support.program.running import clean_environment
from tests.support.program.starting import Started, start

SECRET = "a-secret-of-this-test-alone"
START_SECONDS = 60.0
"""It imports as much as the server does, and several processes may start at once on a busy machine."""


class RunningGateway:
    """`python server.py sandbox`."""

    def __init__(self, folder: Path, server_port: int) -> None:
        """Configure the folder of its ledger and the port of the server that it reports to."""
        self.port = free_port()
        self._folder = folder
        self._server_port = server_port
        self.process: Started | None = None

    @property
    def url(self) -> str:
        """Return the gateway's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ledger_path(self) -> Path:
        """Return the path of its ledger."""
        return self._folder / "tillgraph-sandbox.db"

    def start(self) -> "RunningGateway":
        """Start it and wait until it answers."""
        environment = {
            **clean_environment(),
            "PORT": str(self._server_port),
            "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET,
        }
        arguments = ["sandbox", "--port", str(self.port)]
        log = self._folder / "gateway.log"
        failures.watch(log)
        with log.open("ab") as file:
            self.process = start(
                "server",
                arguments,
                folder=self._folder,
                environment=environment,
                output=file,
                error=file,
            )
        ends_at = time.monotonic() + START_SECONDS
        while time.monotonic() < ends_at:
            try:
                if (
                    httpx2.get(f"{self.url}/ledger", trust_env=False, verify=False).status_code
                    == 401
                ):
                    return self
            except httpx2.TransportError:
                time.sleep(0.05)
        raise RuntimeError("The gateway was not there in time.")

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of a server whose gateway this is."""
        return {"TILLGRAPH_SANDBOX_URL": self.url, "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET}
