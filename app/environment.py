"""The sources of settings: the variables that the environment and `.env` may hold, and how they are written."""

import difflib
import io
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dotenv.parser import parse_stream

PREFIX = "TILLGRAPH_"
OF_TESTS = "TILLGRAPH_TEST_"

KUBERNETES = re.compile(
    r"""TILLGRAPH (_[A-Z0-9_]+)? _ (
        SERVICE_HOST = [0-9a-f.:]+
      | SERVICE_PORT (_[A-Z0-9_]+)? = [0-9]+
      | PORT (_[0-9]+_(TCP|UDP|SCTP))? = (tcp|udp|sctp)://[0-9a-f.:\[\]]+
      | PORT_[0-9]+_(TCP|UDP|SCTP)_ (PROTO=(tcp|udp|sctp) | PORT=[0-9]+ | ADDR=[0-9a-f.:]+)
    )""",
    re.VERBOSE | re.ASCII,
)
"""Variables that a pod receives for each service whose name begins with "tillgraph"; such a value is never a setting.

Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""


class SettingsError(Exception):
    """An error: a setting is wrong; its one sentence says what would be right."""


def require_known(environ: Mapping[str, str], file: Path, known: Collection[str]) -> None:
    """Require that our variables have known names and no quotes; raises SettingsError."""
    ours = {name: value for name, value in environ.items() if not _is_of_kubernetes(name, value)}
    for name, value in sorted([*_read(file), *ours.items()]):
        upper = name.upper()
        if upper in known:
            _refuse_quotes(name, value)
        elif upper.startswith(PREFIX) and not upper.startswith(OF_TESTS):
            raise SettingsError(f"{name} is not a setting of this server{_meant(upper, known)}.")


def _is_of_kubernetes(name: str, value: str) -> bool:
    return KUBERNETES.fullmatch(f"{name}={value}") is not None


def _meant(name: str, known: Collection[str]) -> str:
    if (bare := name.removeprefix(PREFIX)) in known:
        return f": it is {bare}"
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
    return f": perhaps {nearest[0]} is meant" if nearest else "; docs/settings.md lists them"


def _refuse_quotes(name: str, value: str) -> None:
    """Refuse quotes that a shell would have removed: with them a key is another one."""
    for part in (value, *value.split(",")):
        text = part.strip()
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            raise SettingsError(
                f"{name}: has quotes around it that would be part of it, as docker's --env-file keeps"
                " them: leave them out."
            )


def _read(file: Path) -> Iterator[tuple[str, str]]:
    """Return the variables in the file, which may be missing."""
    try:
        text = file.read_bytes().decode()
    except (FileNotFoundError, IsADirectoryError):
        return
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        raise SettingsError(f"{file}: can't be read: {error.strerror}.") from None
    if "\0" in text:
        raise SettingsError(f"{file}: is not text in UTF-8: save it as that.")
    for line in parse_stream(io.StringIO(text)):
        if line.error or (line.key is not None and line.value is None):
            # It would be ignored, whatever was meant.
            blank = len(line.original.string) - len(line.original.string.lstrip())
            number = line.original.line + line.original.string[:blank].count("\n")
            raise SettingsError(f"{file}: line {number} has to be a name, = and a value.")
        if line.key is not None and line.value is not None:
            yield line.key, line.value
