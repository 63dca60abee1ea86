"""The secret keys of servers that demand one."""

import hashlib

SECRET_KEY = "the-secret-key-of-these-tests"
HASHED_KEY = "the-key-that-is-kept-as-a-hash"
KEYS = {
    "TILLGRAPH_SECRET_KEYS": f"{SECRET_KEY},sha256:{hashlib.sha256(HASHED_KEY.encode()).hexdigest()}"
}
