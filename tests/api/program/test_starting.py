"""The server as the README starts it: an interpreter of its own. The other tests' servers are forked from one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.flow.shop import capture, pay, refund
from tests.support.program.running import ROOT, RunningServer, clean_environment
from tests.support.program.starting import COMMAND_SECONDS

pytestmark = pytest.mark.once


def test_an_interpreter_of_its_own_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """It makes its database, takes a payment from end to end, ends well after SIGTERM, and nothing is broken.

    Its databases are for their owner alone. Its checkout may lie anywhere: what the path holds means nothing to
    configparser, a URL or a shell.
    """
    folder, checkout = tmp_path / "folder", tmp_path / "100% of: it's #1?"
    folder.mkdir()
    checkout.symlink_to(ROOT)
    running = RunningServer(folder, is_started_afresh=True, checkout=checkout)
    try:
        running.start()
        payment = pay(running, "49.90")
        assert capture(running, payment["id"])["capturedAmount"] == "49.90"
        assert refund(running, payment["id"], amount="9.90")["refundedAmount"] == "9.90"
        session = payment["paymentSession"]["id"]
        effects = [(one["kind"], one["moved"]) for one in running.ledger(session)]
        assert effects == [("authorize", "49.90"), ("capture", "49.90"), ("refund", "9.90")]
        assert running.stop() == 0
        assert running.check() == (0, "Every invariant holds.\n")
        assert {path.stat().st_mode & 0o777 for path in folder.glob("tillgraph*.db")} == {0o600}
    finally:
        running.close()
    served = f"Tillgraph serves on {running.url}/graphql"
    others = [
        line for line in running.log_path.read_text().splitlines() if not line.startswith("{")
    ]
    assert others == [served]


@pytest.mark.long
def test_a_wrong_setting_stops_an_interpreter_of_its_own(tmp_path: Path) -> None:
    """The process ends with what the command line ended with: exit code 2, and one sentence on standard error."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "server.py"), "serve"],
        cwd=tmp_path,
        env={**clean_environment(), "TILLGRAPH_SIGNING_KEY": "x"},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert "TILLGRAPH_SIGNING_KEY " in line
