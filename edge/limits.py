"""The limits of one request, each with the failure that set it."""

# ── Connections ────────────────────────────────────────────────────────────────

HEAD_BYTES = 32 * 1024
"""Of a head, and of a chunked body's trailers. A header of 100 MB took 11 s of processor time and as much memory."""

HEAD_FIELDS = 100
"""Of both together; a browser behind two proxies sends some thirty."""

PIECE_BYTES = 4 * 1024
"""Parsed at a time: one read holds up to 256 KiB, which may be thousands of requests or messages."""

HEAD_SECONDS = 10.0
"""A head that trickled in held a descriptor for ever, and so did a connection without a byte."""

REQUEST_SECONDS = 30.0
"""To read the rest of a body that nobody wants any more; a wanted one has BODY_SECONDS."""

LINGER_SECONDS = 1.0
"""A connection that is closed with unread bytes is reset, which may overtake the answer."""

LINGER_BYTES = 256 * 1024
"""Discarded meanwhile; a client that sends more does not care about the answer."""

UNSENT_SECONDS = 30.0
"""An answer whose client reads nothing for this long is given up: closing waited for it for ever."""

RESERVED_DESCRIPTORS = 64
"""For databases, providers and webhooks; connections take the rest at most."""

TELL_SECONDS = 10.0
"""Between two log lines about refused connections."""

SOCKETS_PER_SECRET = 20
"""Sockets and event streams of one client secret at the same time: a customer has a few tabs."""

MESSAGE_FRAMES = 1_000
"""A message of empty parts has neither a size nor an end."""

# ── Over HTTP ──────────────────────────────────────────────────────────────────

BODY_BYTES = 64 * 1024
"""A body of 20 MB was read whole and accepted; the largest of our own operations takes 6 KiB."""

BODY_SECONDS = 10.0
"""A client that sends one byte a second keeps a task and its buffer for ever."""

URL_BYTES = 16 * 1024
"""A query string has no limit of its own in httptools; most proxies cut it at 8 KiB."""

NUMBER_DIGITS = 1_000
"""Python refuses an integer of 4,301 digits with a ValueError, which was a 500. Smaller ones reach
the scalars, so that an amount of 400 digits is answered as the contract says, with a path."""

# ── Documents ──────────────────────────────────────────────────────────────────

DOCUMENT_TOKENS = 1_000
"""Parsing costs 10 µs a token and validating up to 30 more, on the event loop."""

DEPTH = 10
"""Depth multiplies with every list on the way; the deepest of our own operations has 5."""

INTROSPECTION_DEPTH = 20
"""GraphiQL's introspection query has 15: nine times `ofType` below a field's argument."""

ALIASES = 15
"""1,000 aliases ran one expensive field 1,000 times in one request."""

ROOT_FIELDS = 1
"""20 aliased mutations ran in one request, with one answer for 20 movements of money."""

EXPANDED_FIELDS = 2_000
"""Fragments multiply: 20 that spread each other below two fields ask for a million fields."""

MERGED_PAIRS = 5_000
"""graphql-core compares every two fields of one name: 240 times `a { n }` took it 225 ms."""

VALIDATION_ERRORS = 20
"""900 unknown fields are 900 errors, of which a developer reads the first."""

BROWSER_VALUES = 10_000
"""Of one answer. Lists within lists multiply: four times the sessions of their collection's sessions took 82 s where
there are twenty, and are a hundred million of a hundred. A collection with as many sessions and events has 3,000."""

BACK_END_VALUES = 50_000
"""A page of a hundred collections with twenty things each and twenty fields is less; as many take seconds."""

TURN_SECONDS = 0.02
"""Processor time of one answer before other requests have their turn: 20,000 values in a row took 1.6 s, in which
nobody else was answered. What waits for a turn is loaded in a batch of its own: a page of 50 collections with all
that belongs to them takes shorter turns, one of thousands of objects two or three batches."""

ERRORS_TOLD = 20
"""Of an answer without data: one that is too large fails at thousands of places for the same reason."""

DOCUMENTS_KEPT = 256
"""A parsed document of 1,000 tokens takes 0.4 MB, so that hostile ones take 100 MB together."""

ACCEPTS_KEPT = 256
"""Headers are chosen by the client; only short ones are cached, and only this many."""

KEPT_HEADER_BYTES = 512
"""A longer Accept or Content-Type header is parsed each time rather than cached."""

# ── Streams and sockets ────────────────────────────────────────────────────────

SUBSCRIPTIONS = 20
"""One socket with 1,000 subscriptions is 1,000 readers of the log."""

MESSAGE_BYTES = 64 * 1024
"""uvicorn accepts 16 MiB by default; its `ws_max_size` refuses before a message is in memory."""

OPERATION_ID_CHARACTERS = 255
"""An id is repeated in every frame of its stream; clients send a UUID or a counter."""

INIT_SECONDS = 10.0
"""A socket that never sends connection_init holds a file descriptor without a credential."""

HEARTBEAT_SECONDS = 15.0
"""Proxies close a connection that is silent for 30 to 60 s."""

SLOW_SECONDS = 10.0
"""A subscriber that accepts no item for this long is told to resume, and its source is closed."""

STALLED_SECONDS = 30.0
"""A client that does not even read that is given up: its connection ends without a word."""

CLOSE_SECONDS = 1.0
"""A close frame does not get through to a client that reads nothing."""

# ── Rate limits ────────────────────────────────────────────────────────────────

REDIS_SECONDS = 0.5
"""An unreachable Redis would delay every request; after this time the process counts for itself."""

DATABASE_SECONDS = 1.0
"""A count waits after payments for SQLite's one writer; then as above."""

REDIS_CONNECTIONS = 32
"""Of one process: each is busy for well under a millisecond."""

STORE_RETRY_SECONDS = 5.0
"""An unreachable store is not asked again for this long: each request would wait for it in vain."""

COUNTS_KEPT = 100_000
"""In memory, 10 MB: a client with many addresses fills it, and the older half makes room."""

COUNTS_SPENT = 10_000
"""Exhausted quotas that a process remembers: beyond that number the store is asked again."""

RIGHT_SECONDS = 86_400
"""How long a store remembers the address of a right credential: a back end comes more often."""

CREDENTIALS_KEPT = 1_024
"""Right credentials, each with its address: more than there are back ends."""

ADDRESSES_KEPT = 1_024
"""Address texts are chosen by the client; only this many are cached."""

ADDRESS_CHARACTERS = 64
"""The longest address has 39, its port 6; a client may send 60,000."""

PROXIES = 8
"""Addresses in a row, at most; X-Forwarded-For may name thousands."""

# ── The log ────────────────────────────────────────────────────────────────────

LOGGED_NAME_CHARACTERS = 64
"""An operation's name is the client's text."""

LOGGED_TEXT_CHARACTERS = 4_000
"""Of a library's log message: a failed start is logged as a whole traceback."""

LOGGED_FRAMES = 12
"""The innermost frames show where it broke."""

REASON_BYTES = 123
"""Of the reason in a close frame; the protocol has no room for more. Source: RFC 6455, section 5.5."""
