"""The command line: the commands, what each of them takes, and how they answer."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

from payments.instants import SECOND, Instant


def read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read a command with what it takes; ends the program with the usage where it can't be read."""
    parser = argparse.ArgumentParser(prog="server.py", description="A GraphQL server for payments.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="bring the database up to date and serve")
    serving.add_argument(
        "--workers", type=int, choices=range(1, 65), default=1, metavar="N", help="processes (1)"
    )
    commands.add_parser("migrate", help="bring the database up to date")
    checking = commands.add_parser(
        "check", help="look for rows that break an invariant; exit code 1 if any"
    )
    checking.add_argument(
        "--provider", metavar="ID", help="compare open and recent payments with this gateway's too"
    )
    recovering = commands.add_parser(
        "recover", help="read from the providers what a restored database does not know"
    )
    recovering.add_argument(
        "--since", type=_instant, required=True, metavar="INSTANT", help="2026-11-23T10:00:00Z"
    )
    accepting = commands.add_parser(
        "accept-account", help="take the configured key's account as the one of all payments"
    )
    accepting.add_argument("gateway", metavar="GATEWAY", help="stripe")
    commands.add_parser("schema", help="print the schema in the schema definition language")
    commands.add_parser("documents", help="list the trusted documents with their hashes")
    sandbox = commands.add_parser("sandbox", help="run the sandbox gateway as a process of its own")
    sandbox.add_argument("--host", default="127.0.0.1")
    sandbox.add_argument("--port", type=_port, default=8001)
    return parser.parse_args(arguments)


class OutputLost(Exception):
    """An error: what a command has to say can't be written, so that its exit code must not tell of anything else."""


def say(*lines: object) -> None:
    """Print lines to standard output; raises OutputLost."""
    if (reason := _write(sys.stdout, lines)) is not None:
        raise OutputLost(f"The answer can't be written: {reason}.")


def complain(sentence: str) -> None:
    """Print a sentence to standard error, where that can be written."""
    _write(sys.stderr, [sentence])


def _write(stream: TextIO | None, lines: Sequence[object]) -> str | None:
    """Print lines; return why they can't be written, if so. A stream that is closed is nobody's who listens."""
    if stream is None:
        return None
    try:
        print(*lines, sep="\n", file=stream, flush=True)
    except OSError as error:
        # Python tries once more at its end, and would end with an exit code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error.strerror
    return None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a number from 0 to 65535")
    return int(text)


def _instant(text: str) -> Instant:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 - it stands for what is none, and is refused below
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant with its zone, such as 2026-11-23T10:00:00Z")
    if found > datetime.now(UTC):
        raise argparse.ArgumentTypeError(f"an instant that is past, and {text} is to come")
    return Instant(int(found.timestamp()) * SECOND)
