"""Packages whose provider can't be used: start-up ends with one sentence that names the package."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from providers.registry import ENTRY_POINTS, load_providers
from providers.routes import Guard, HasRoutes, Trusts, routes_of
from providers.settings import ProviderFault, ProviderSettings
from providers.system import SystemProvider
from tests.support.program.running import clean_environment
from tests.support.program.starting import run

pytestmark = pytest.mark.once

BROKEN = {
    "an id that is taken": (
        "class Own: id = 'x'\n"
        "def create(settings):\n"
        "    from providers.system import SystemProvider\n"
        "    return SystemProvider()\n",
        "brings a provider system, and there is one already",
    ),
    "no provider at all": ("def create(settings):\n    return object()\n", "it has no "),
    "an id that can not stand in an address": (
        "def create(settings):\n"
        "    from providers.system import SystemProvider\n"
        "    provider = SystemProvider()\n"
        "    provider.id = 'My Bank'\n"
        "    return provider\n",
        "has an id that is not a lower-case letter",
    ),
    "a factory that raises": ("def create(settings):\n    raise KeyError('account')\n", "KeyError"),
    "a module that can not be imported": ("import no_such_module\n", "no_such_module"),
}


def install(folder: Path, source: str) -> list[EntryPoint]:
    """Put a package into a folder, as an installer does; return the entry points that it brings."""
    module = f"tillgraph_broken_{folder.name}"
    (folder / f"{module}.py").write_text(source)
    told = folder / "tillgraph_broken-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: tillgraph-broken\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nbroken = {module}:create\n")
    found = [dist.entry_points for dist in distributions(path=[str(folder)])]
    return [one for points in found for one in points.select(group=ENTRY_POINTS)]


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Each fault is told in one sentence that names the package."""
    source, expected = BROKEN[case]
    packages = install(tmp_path, source)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = ProviderSettings(public_url="http://till.test", local_url="http://127.0.0.1:1")
    with pytest.raises(ProviderFault) as raised:
        load_providers(settings, packages=packages)
    said = str(raised.value)
    assert said.startswith("The provider broken of the package tillgraph-broken ")
    assert expected in said


def test_a_broken_package_stops_start_up(tmp_path: Path) -> None:
    """The sentence is all that is printed, and nothing is served."""
    install(tmp_path, "import no_such_module\n")
    environment = {**clean_environment(), "PYTHONPATH": str(tmp_path)}
    ended = run("server", ["serve"], folder=tmp_path, environment=environment)
    assert ended.returncode != 0
    (line,) = ended.stderr.strip().splitlines()
    assert "The provider broken of the package tillgraph-broken" in line
    assert "no_such_module" in line


class Sprawling(SystemProvider):
    """A provider with an address beside its own."""

    def routes(self, _guard: Guard, _trusts: Trusts) -> Sequence[BaseRoute]:
        return [Route("/system/statement", _answer), Route("/graphql", _answer)]


async def _answer(_request: Request) -> Response:
    return Response()


def test_an_address_that_is_not_the_provider_s_own() -> None:
    """A provider has addresses below its id alone, so that none takes another's place."""
    sprawling = Sprawling()
    assert isinstance(sprawling, HasRoutes)
    with pytest.raises(ProviderFault) as raised:
        routes_of(sprawling, lambda endpoint: endpoint, lambda _request: False)
    assert str(raised.value) == "The provider system has an address that is not its own: /graphql"
