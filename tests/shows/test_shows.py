"""The commands of the shows, each with numbers that are too small to show anything."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.support.running import ROOT, Json, clean_environment

SEED = 20_261_123
RUN_SECONDS = 100.0


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run a show's command, and give what it printed."""
    command = [sys.executable, "-m", f"tests.shows.{name}", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, "--recovery-seconds", "0.5", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        printed, complaints = process.communicate(timeout=RUN_SECONDS)
    finally:
        # It ends what it has started, if it is let.
        process.terminate()
        process.wait()
    assert (complaints, process.returncode) == ("", 0), printed
    return printed


def progress(folder: Path) -> Json:
    """Read what a show has kept."""
    return orjson.loads((folder / "progress.json").read_bytes())


@pytest.mark.parametrize(
    ("name", "size", "figure", "expected"),
    [
        ("kills", 2, "kills", 2),
        ("races", 40, "answers_that_differ", 0),
        ("deliveries", 20, "deliveries", 400),
        ("settlement", 6, "settled", 6),
    ],
)
def test_a_show_prints_its_seed_and_its_figures(
    tmp_path: Path, name: str, size: int, figure: str, expected: int
) -> None:
    """Each command prints its seed, finds nothing that must not be, and keeps its figures as JSON."""
    printed = run(name, tmp_path, "--rounds", "1", "--size", str(size), "--seed", str(SEED))
    assert printed.startswith(f"{name} on sqlite, seed {SEED}\n")
    kept = progress(tmp_path)
    assert (kept["seed"], kept["summary"][figure]) == (SEED, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_show_goes_on_where_it_was(tmp_path: Path) -> None:
    """The same command with the same folder keeps its seed and its rounds, and plays those that are left."""
    small = ("--size", "4")
    run("races", tmp_path, "--rounds", "1", *small)
    first = progress(tmp_path)
    run("races", tmp_path, "--rounds", "2", *small)
    second = progress(tmp_path)
    assert second["seed"] == first["seed"]
    assert second["rounds"][:1] == first["rounds"]
    assert (len(second["rounds"]), second["summary"]["rounds"]) == (2, 2)
    again = run("races", tmp_path, "--rounds", "2", *small)
    assert "round 1" not in again
    assert progress(tmp_path) == second
