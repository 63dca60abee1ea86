"""A server on PostgreSQL that is no fork of one that has served: it compiles its statements as it connects."""

from pathlib import Path

from tests.conftest import CHECKED
from tests.support.flow.shop import capture, pay, refund
from tests.support.program.running import URL, RunningServer


def test_an_interpreter_of_its_own_takes_money(own_database: str, tmp_path: Path) -> None:
    """It authorizes, captures and refunds, and every invariant holds."""
    server = RunningServer(tmp_path, {URL: own_database}, is_started_afresh=True).start()
    try:
        payment = pay(server, "100.00")
        assert capture(server, payment["id"], amount="60.00")["capturedAmount"] == "60.00"
        assert refund(server, payment["id"], amount="20.00")["refundedAmount"] == "20.00"
        assert server.check() == CHECKED
    finally:
        server.close()
