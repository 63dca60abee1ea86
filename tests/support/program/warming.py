"""One payment served in the process that servers are forked from: all of them inherit what a first request builds.

A server compiles its statements and completes its schema at its first requests, which took as long as its start.
"""

import asyncio
import gc
import os
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from app import build
from app.environment import PREFIX
from app.settings import Settings
from db.engine.postgresql import DIALECT
from db.migrating import migrate
from db.statements.compiled import Statement

Json = Any

DOCUMENTS = Path(__file__).parents[2] / "documents" / "complete"


def serve_once() -> None:
    """Open, authorize, capture and refund a payment on SQLite, and compile the statements for PostgreSQL."""
    for name in [
        name for name in os.environ if name.startswith(PREFIX) or name in ("HOST", "PORT")
    ]:
        del os.environ[name]  # Each forked program has an environment of its own.
    with (
        TemporaryDirectory(prefix="warming-") as folder,
        open(os.devnull, "w") as nowhere,  # noqa: PTH123 - no file
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        chdir(folder),
    ):
        settings = Settings(
            database_url=f"sqlite+aiosqlite:///{folder}/tillgraph.db",
            sandbox_database=Path(folder) / "sandbox.db",
            sandbox_webhook_secret="whsec_of_one_payment",
            signing_keys=("signing-key-of-one-payment",),
            rate_limit_store="memory://",
        )
        migrate(settings.database_url)
        asyncio.run(_serve(settings))
    for statement in [one for one in gc.get_objects() if type(one) is Statement]:
        statement.compiled(DIALECT)


async def _serve(settings: Settings) -> None:
    app, _ = build.build(settings)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=settings.local_url) as client,
    ):
        amount = {"amount": "1.00"}
        collection = await _change(
            client, "createPaymentCollection", {**amount, "currencyCode": "EUR"}
        )
        opened = {"paymentCollectionId": collection["id"], "providerId": "sandbox"}
        session = await _change(client, "createPaymentSession", opened)
        payment = await _change(client, "authorizePaymentSession", {"id": session["id"]})
        for change in ("capturePayment", "refundPayment"):
            values = {"paymentId": payment["id"], **amount, "idempotencyKey": change}
            await _change(client, change, values)


async def _change(client: httpx2.AsyncClient, field: str, values: Mapping[str, Json]) -> Json:
    document = (DOCUMENTS / f"{field}.graphql").read_text()
    answer = await client.post("/graphql", json={"query": document, "variables": {"input": values}})
    return answer.json()["data"][field]
