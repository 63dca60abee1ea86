"""The signature of the gateway's reports: `Sandbox-Signature: t=UNIX,v1=HMAC-SHA256(secret, t + "." + body)`."""

import hashlib
import hmac
import re
from collections.abc import Mapping

from payments.ports.provider import ReportUnsigned
from providers.headers import only

HEADER = "Sandbox-Signature"

TOLERANCE_SECONDS = 300
"""To both sides: an old report may be a replay, and one from the future would stay valid for too long."""

SHORTEST_SECRET = 16
"""Characters: a shorter one can be guessed."""

SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", re.ASCII)


def check_secret(secret: str) -> str:
    """Refuse a secret that can be guessed or does not fit into a header; raises ValueError."""
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ValueError(
            "The sandbox's webhook secret has printable ASCII characters and no spaces."
        )
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"The sandbox's webhook secret has at least {SHORTEST_SECRET} characters.")
    return secret


def sign(secret: str, body: bytes, *, unix_seconds: int) -> str:
    """Return the header's value for a body sent now."""
    return f"t={unix_seconds},v1={_digest(secret, body, str(unix_seconds))}"


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, unix_seconds: int) -> None:
    """Compare raw bytes with their signature, in constant time; raises ReportUnsigned."""
    match = SIGNATURE.fullmatch(only(headers, HEADER))
    if match is None:
        raise ReportUnsigned(f"A report carries {HEADER}: t=SECONDS,v1=HEX.")
    signed_at, digest = match.groups()
    if not hmac.compare_digest(_digest(secret, body, signed_at), digest):
        raise ReportUnsigned("The signature is not the sandbox's.")
    if abs(unix_seconds - int(signed_at)) > TOLERANCE_SECONDS:
        raise ReportUnsigned(f"A report is signed within {TOLERANCE_SECONDS} seconds of now.")


def _digest(secret: str, body: bytes, signed_at: str) -> str:
    return hmac.new(secret.encode(), signed_at.encode() + b"." + body, hashlib.sha256).hexdigest()
