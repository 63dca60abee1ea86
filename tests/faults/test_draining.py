"""The tasks that a stopping server waits for."""

import asyncio
from pathlib import Path

import pytest

from app.build import build
from app.settings import Settings
from tests.support.program.running import SQLITE

pytestmark = pytest.mark.once


def test_f42_a_stop_waits_for_what_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits until the last task is over, those that are begun meanwhile included."""
    monkeypatch.chdir(tmp_path)
    _, application = build(Settings(database_url=f"{SQLITE}{tmp_path / 'tillgraph.db'}"))
    ended: list[str] = []

    async def ask(may_end: asyncio.Event, name: str) -> None:
        await may_end.wait()
        ended.append(name)

    async def stop() -> int:
        first, second = asyncio.Event(), asyncio.Event()
        application.flow.start(ask(first, "first"))
        draining = asyncio.create_task(application.flow.drain())
        await asyncio.sleep(0)
        application.flow.start(ask(second, "second"))
        first.set()
        asyncio.get_running_loop().call_soon(second.set)
        return await draining

    assert asyncio.run(stop()) == 0
    assert ended == ["first", "second"]
