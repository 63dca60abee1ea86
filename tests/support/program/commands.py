"""Commands of the program, run to their end, and the settings that production demands."""

from pathlib import Path

from tests.support.program.keys import SECRET_KEY
from tests.support.program.ports import free_port
from tests.support.program.running import clean_environment
from tests.support.program.starting import Ended, run

SIGNING_KEY = "signing-key-of-more-than-16-characters"
PRODUCTION = {
    "TILLGRAPH_ENVIRONMENT": "production",
    "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
    "TILLGRAPH_SIGNING_KEYS": SIGNING_KEY,
}


def run_command(folder: Path, *arguments: str, **environment: str) -> Ended:
    """Run `python server.py` in a folder of its own to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**clean_environment(), "PORT": str(free_port()), **environment}
    return run("server", arguments, folder=folder, environment=settings)
