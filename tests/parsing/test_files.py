"""Keys that development makes for itself, in their files. tests/api/program/test_files.py starts servers on them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.environment import SettingsError
from app.private_files import MADE_SECRETS, made_secret

pytestmark = pytest.mark.usefixtures("alone")

SETTING = "TILLGRAPH_SIGNING_KEYS"


def test_a_secret_that_several_make_at_once_is_one() -> None:
    """Sixteen threads that make the same secret get one, complete, in a file that its owner alone may read."""
    with ThreadPoolExecutor(16) as pool:
        for name in map(str, range(20)):
            (made,) = set(pool.map(lambda one: made_secret(one, instead_of=SETTING), [name] * 16))
            assert len(made) == 43
    found = {path.name: oct(path.stat().st_mode & 0o777) for path in MADE_SECRETS.iterdir()}
    assert found == {str(name): "0o600" for name in range(20)}


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short", b" " * 43, b"\xff" * 43], ids=lambda one: repr(one[:6])
)
def test_a_file_without_a_key_is_refused(content: bytes) -> None:
    """An empty, short or broken one is told with its file and the setting, and stays for whoever looks."""
    MADE_SECRETS.mkdir()
    path = MADE_SECRETS / "signing-key"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"^{SETTING}: .*\.tillgraph/signing-key.*\.$"):
        made_secret("signing-key", instead_of=SETTING)
    assert path.read_bytes() == content


def test_a_key_that_others_could_read_is_narrowed() -> None:
    """The key stays what it was."""
    secret = made_secret("signing-key", instead_of=SETTING)
    path = MADE_SECRETS / "signing-key"
    path.chmod(0o644)
    assert made_secret("signing-key", instead_of=SETTING) == secret
    assert path.stat().st_mode & 0o777 == 0o600


def test_where_no_key_can_be_kept_a_sentence_says_so() -> None:
    """A file stands where the folder would be: the setting that is left out is named, and the reason."""
    MADE_SECRETS.touch()
    with pytest.raises(SettingsError, match=rf"^{SETTING}: is not set, and none can be kept in "):
        made_secret("signing-key", instead_of=SETTING)
