"""One payment with many captures and refunds: what the last ones cost over the first ones."""

import statistics
import time
from typing import Final

from bench.flows import AUTHORIZE, CAPTURE, CREATE, REFUND, SESSION
from bench.size.sized import Sized
from bench.wire import Connection

COMPARED: Final = 20
"""Movements at either end; as many before them warm up."""


async def movements(sized: Sized, count: int) -> tuple[float, float]:
    """Capture and refund one payment so many times each, a cent at a time.

    Return the median seconds of the first captures with their refunds, and of the last ones.
    """
    connection = await Connection.open(sized.server.port)
    try:
        created = {"currencyCode": "USD", "amount": f"{count / 100:.2f}"}
        collection = await connection.execute(CREATE, {"input": created})
        opened = {"paymentCollectionId": collection["id"], "providerId": "system"}
        session = await connection.execute(SESSION, {"input": opened})
        payment = await connection.execute(AUTHORIZE, {"input": {"id": session["id"]}})
        moved = {"paymentId": payment["id"], "amount": "0.01"}
        taken: list[float] = []
        for number in range(count):
            began = time.perf_counter()
            for document, name in ((CAPTURE, "capture"), (REFUND, "refund")):
                key = f"crowded-{payment['id']}-{name}-{number}"
                await connection.execute(document, {"input": {**moved, "idempotencyKey": key}})
            taken.append(time.perf_counter() - began)
        return statistics.median(taken[COMPARED : 2 * COMPARED]), statistics.median(
            taken[-COMPARED:]
        )
    finally:
        connection.close()
