"""The command line: `python -m tools.fake_stripe --help`."""

import argparse
import asyncio
import contextlib
from pathlib import Path

from tools.fake_stripe.app import Server, serve


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m tools.fake_stripe", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--file", type=Path, default=Path("stripe-server.db"))
    parser.add_argument("--account", default="acct_of_the_fake_stripe", metavar="ID")
    parser.add_argument("--webhook-url", metavar="URL")
    parser.add_argument("--webhook-secret", default="whsec_of_the_fake_stripe", metavar="SECRET")
    given = parser.parse_args()
    server = Server(given.file, given.account, given.webhook_url, given.webhook_secret)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve(server, given.host, given.port))
        except OSError as error:
            raise SystemExit(f"The fake Stripe does not start: {error.strerror}.") from None


if __name__ == "__main__":
    main()
