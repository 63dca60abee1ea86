"""The commands of the shows, each with numbers that are too small to show anything."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from proofs import deliveries, kills, races, settlement
from proofs.command import Figures, Round, Show, main, sums
from tests.support.program.running import ROOT, Json, clean_environment

SEED = 20_261_123
RUN_SECONDS = 600.0
"""How long a command may take on a machine that does much else."""

QUICK = ("--rounds", "1", "--recovery-seconds", "0.5")
SMALL = [
    # tests/faults/test_chaos.py lets the same shoppers pay while servers are killed.
    pytest.param(kills.SHOW, 2, "kills", 2, marks=pytest.mark.long, id="kills"),
    (races.SHOW, 20, "answers_that_differ", 0),
    (deliveries.SHOW, 20, "deliveries", 400),
    (settlement.SHOW, 3, "settled", 3),
]
SHOWS = pytest.mark.parametrize(
    ("show", "size", "figure", "expected"),
    SMALL,
    ids=lambda one: one.name if isinstance(one, Show) else None,
)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Take back what a command does with SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run a show's command as a process, and return what it printed."""
    command = [sys.executable, "-m", f"proofs.{name}", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, *QUICK, *arguments],
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


@SHOWS
def test_a_show_finds_its_figures(
    tmp_path: Path, show: Show, size: int, figure: str, expected: int
) -> None:
    """Each show finds nothing that must not be, and keeps its figures as JSON and nothing else."""
    given = ["--folder", str(tmp_path), *QUICK, "--size", str(size), "--seed", str(SEED)]
    assert main(show, given) == 0
    kept = progress(tmp_path)
    assert (kept["seed"], kept["summary"][figure]) == (SEED, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]
    if show is races.SHOW:
        # The command itself, which goes on where another process was: here nothing is left to play.
        printed = run(show.name, tmp_path, "--size", str(size))
        assert printed.startswith(f"{show.name} on sqlite, seed {SEED}\n\n")
        assert progress(tmp_path) == kept


@pytest.mark.long
@SHOWS
def test_a_command_with_a_seed_of_its_own(
    tmp_path: Path, show: Show, size: int, figure: str, expected: int
) -> None:
    """Each command does the same as a process, with the seed that it chooses and prints."""
    printed = run(show.name, tmp_path, "--size", str(size))
    print(printed)  # noqa: T201 - the seed repeats the run
    kept = progress(tmp_path)
    assert printed.startswith(f"{show.name} on sqlite, seed {kept['seed']}\n")
    assert kept["summary"][figure] == expected


# ── What all commands do ───────────────────────────────────────────────────────


def numbers(playing: Round) -> Figures:
    """Play a round of which everything is known: it has its folder to itself."""
    assert list(playing.folder.iterdir()) == []
    (playing.folder / "left").write_text("something")
    return {"number": playing.number, "drawn": playing.seed, "broken": int(playing.size == 1)}


NUMBERS = Show("numbers", 3, 10, numbers, sums, frozenset({"broken"}))


def play(folder: Path, *arguments: str) -> int:
    """Play the show of which everything is known."""
    return main(NUMBERS, ["--folder", str(folder), *arguments])


def test_a_show_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same command with the same folder keeps its seed and its rounds, and plays those that are left."""
    assert play(tmp_path, "--rounds", "1") == 0
    first = progress(tmp_path)
    assert capsys.readouterr().out.startswith(f"numbers on sqlite, seed {first['seed']}\n")
    assert play(tmp_path, "--rounds", "2") == 0
    second = progress(tmp_path)
    assert second["seed"] == first["seed"]
    assert second["rounds"][:1] == first["rounds"]
    assert [one["number"] for one in second["rounds"]] == [0, 1]
    assert second["summary"]["rounds"] == 2
    assert "round 1" not in capsys.readouterr().out
    assert play(tmp_path, "--rounds", "2") == 0
    assert "round" not in re.sub("^  rounds.*", "", capsys.readouterr().out, flags=re.M)
    assert progress(tmp_path) == second
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_seed_repeats_a_show(tmp_path: Path) -> None:
    """Two shows with one seed draw the same, round by round, and each round draws for itself."""
    drawn = []
    for name in ("one", "another"):
        assert play(tmp_path / name, "--seed", str(SEED)) == 0
        drawn.append([one["drawn"] for one in progress(tmp_path / name)["rounds"]])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 3


def test_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    """A folder that another seed or another size filled is refused, and stays as it is."""
    assert play(tmp_path, "--seed", str(SEED)) == 0
    kept = progress(tmp_path)
    for other in (("--seed", str(SEED + 1)), ("--size", "11")):
        with pytest.raises(SystemExit, match=r"was made with (seed|size) \d+\.$"):
            play(tmp_path, *other)
    assert progress(tmp_path) == kept


def test_what_must_not_be_fails_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A figure that has to be zero and is not makes the exit code 1, and stands in the table."""
    assert play(tmp_path, "--size", "1") == 1
    assert re.search(r"^  broken +3 \(has to be 0\)$", capsys.readouterr().out, re.M)
