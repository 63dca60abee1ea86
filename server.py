"""The command line."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from app import maintenance
from app import settings as configuration
from app.build import build_application, configure_logging
from app.checking import SHARE_MIN, Wanted
from app.environment import SettingsError
from app.graphql import list_documents
from app.output import OutputLost, complain, say
from app.private_files import keep_private
from app.serving import serve, serve_sandbox
from app.settings import Settings
from db.engine.address import DatabaseUnusable
from db.invariants import is_checked
from db.migrating import migrate, require_newest
from edge.documents.trusted_documents import DocumentUnusable
from payments.flow.fault_injection import AS_SHIPPED, FaultInjection
from payments.model.errors import StoreFailed
from payments.model.instants import SECOND, Instant
from payments.ports.provider import RecordsUnreadable
from providers.settings import ProviderFault
from resolvers.root import sdl


def main(arguments: Sequence[str] | None = None, faults: FaultInjection = AS_SHIPPED) -> int:
    """Run the command line; return the exit code."""
    given = _read(arguments)
    try:
        return _run(given, faults)
    except OutputLost as error:
        complain(str(error))
    except (RecordsUnreadable, StoreFailed) as error:
        complain(f"Not all was read: run it again. {error}")
    except (DatabaseUnusable, DocumentUnusable, ProviderFault, SettingsError) as error:
        complain(f"Tillgraph does not start. {error}")
    return 2


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command with its options; print the usage and exit where it is invalid."""
    parser = argparse.ArgumentParser(prog="server.py", description="A GraphQL server for payments.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, sentence: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=sentence, description=sentence)

    serving = command("serve", "Bring the database up to date and serve.")
    serving.add_argument(
        "--workers", type=int, choices=range(1, 65), default=1, metavar="N", help="processes (1)"
    )
    command("migrate", "Bring the database up to date.")
    checking = command(
        "check", "Look for rows that break an invariant; exit with 1 if there are any."
    )
    checking.add_argument(
        "--provider", metavar="ID", help="compare open and recent payments with this gateway's too"
    )
    checking.add_argument(
        "--after",
        type=_row,
        metavar="ID",
        help="go on after the row that an interrupted check named",
    )
    checking.add_argument(
        "--share",
        type=_share,
        default=1.0,
        metavar="SHARE",
        help="read for at most this share of the time, such as 0.25 beside a busy server (1)",
    )
    recovering = command(
        "recover", "Read from the providers what a restored database does not know."
    )
    recovering.add_argument(
        "--since", type=_instant, required=True, metavar="INSTANT", help="2026-11-23T10:00:00Z"
    )
    accepting = command(
        "accept-account", "Take the configured key's account as the one of all payments."
    )
    accepting.add_argument("gateway", metavar="GATEWAY", help="stripe")
    command("schema", "Print the schema in the schema definition language.")
    command("documents", "List the trusted documents with their hashes.")
    sandbox = command("sandbox", "Run the sandbox gateway as a process of its own.")
    sandbox.add_argument("--host", default="127.0.0.1")
    sandbox.add_argument("--port", type=_port, default=8001)
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a number from 0 to 65535")
    return int(text)


def _row(text: str) -> str:
    if not is_checked(text):
        raise argparse.ArgumentTypeError("an id that an interrupted check named")
    return text


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not SHARE_MIN <= found <= 1:
        raise argparse.ArgumentTypeError(f"a number from {SHARE_MIN} to 1")
    return found


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


def _run(given: argparse.Namespace, faults: FaultInjection) -> int:
    if given.command == "schema":
        say(sdl().removesuffix("\n"))
        return 0
    configure_logging()
    if given.command == "serve":
        # It waits until the server handles it: on its own it would end the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    settings = configuration.load()
    keep_private(settings.databases)
    return _carry_out(given, settings, faults)


def _carry_out(given: argparse.Namespace, settings: Settings, faults: FaultInjection) -> int:
    match given.command:
        case "serve":
            return serve(settings, given.workers, faults)
        case "migrate":
            migrate(settings.database_url)
        case "documents":
            say(*list_documents(settings))
        case "sandbox":
            serve_sandbox(settings, host=given.host, port=given.port)
        case _:
            require_newest(settings.database_url)
            return asyncio.run(_maintain(given, settings))
    return 0


async def _maintain(given: argparse.Namespace, settings: Settings) -> int:
    match given.command:
        case "check":
            wanted = Wanted(given.provider, given.after or "", given.share)
            return await maintenance.check(build_application, settings, wanted)
        case "recover":
            return await maintenance.recover(build_application(settings), given.since)
        case _:
            return await maintenance.accept_account(build_application(settings), given.gateway)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
