"""The gateway's pages for customers: self-contained, without a script, readable on a phone."""

import base64
import hashlib
import html
import re

from starlette.responses import HTMLResponse, Response

from payments.model.money import decimal_text
from providers.sandbox.gateway.wire import Entry

ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?=[/?#]|$)", re.ASCII)
"""The origin of an address, which holds nothing that could end a policy's directive."""

STYLE = """
:root{color-scheme:light dark;--ink:#17202a;--soft:#5c6773;--card:#fff;--page:#eef1f5;--line:#d8dde4;
--go:#136f4a;--stop:#9c2b23}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#9aa6b2;--card:#1c232b;--page:#11161b;
--line:#303a45;--go:#1d8a5e;--stop:#b8443b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--page);
color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:24rem;padding:2rem;background:var(--card);border:1px solid var(--line);
border-radius:1rem;box-shadow:0 1rem 3rem rgb(0 0 0/.12)}
.bank{margin:0;color:var(--soft);font-size:.8rem;letter-spacing:.08em;text-transform:uppercase}
h1{margin:.25rem 0 0;font-size:1.25rem}
.amount{margin:1.5rem 0;font-size:2.25rem;font-weight:650;font-variant-numeric:tabular-nums}
.amount small{font-size:1rem;color:var(--soft);font-weight:500}
p{margin:.5rem 0;color:var(--soft)}
form{display:grid;gap:.75rem;margin-top:1.5rem}
button{padding:.8rem 1rem;border:1px solid transparent;border-radius:.6rem;font:inherit;font-weight:600;
color:#fff;background:var(--go);cursor:pointer}
button[value=fail]{color:var(--stop);background:transparent;border-color:var(--line)}
button:focus-visible{outline:3px solid #4c8dff;outline-offset:2px}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<p class="bank">Sandbox bank &middot; no real money</p>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""

CHALLENGE = """<p class="amount">{amount} <small>{currency}</small></p>
<p>A shop wants to take this amount. In this test you decide what the bank answers.</p>
<form method="post">
<button name="result" value="approve">Approve</button>
<button name="result" value="fail">Fail</button>
</form>"""


SAVING = """<p>A shop wants to keep your card. In this test you decide what the bank answers.</p>
<form method="post">
<button name="result" value="approve">Approve</button>
<button name="result" value="fail">Fail</button>
</form>"""


def saving_page() -> Response:
    """Return the page that asks the customer whether their card may be saved."""
    return _page("Confirm your card", SAVING)


def challenge_page(entry: Entry) -> Response:
    """Return the page that asks the customer to approve or fail an authorization."""
    content = CHALLENGE.format(
        amount=html.escape(decimal_text(entry.amount_minor, entry.currency)),
        currency=html.escape(entry.currency),
    )
    return _page("Confirm your payment", content, return_url=entry.return_url)


def message_page(title: str, sentence: str, *, status: int = 200) -> Response:
    """Return a page with a message; there is nothing to do."""
    return _page(title, f"<p>{html.escape(sentence)}</p>", status=status)


def _page(
    title: str, content: str, *, status: int = 200, return_url: str | None = None
) -> Response:
    text = PAGE.format(title=html.escape(title), style=STYLE, content=content)
    return HTMLResponse(text, status, headers=_headers(return_url))


def _headers(return_url: str | None) -> dict[str, str]:
    # Chromium applies form-action to the redirect after a form, too: without the return address's origin the
    # customer would never come back to the shop.
    targets = " ".join(["'self'", *_origin(return_url)])
    return {
        "content-security-policy": (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none';"
            f" form-action {targets}; frame-ancestors 'none'"
        ),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def _origin(url: str | None) -> list[str]:
    """Return an address's origin as a policy's source; empty where it could end the directive."""
    match = ORIGIN.match(url or "")
    return [match.group()] if match is not None else []
