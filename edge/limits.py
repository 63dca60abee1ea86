"""What one request may cost, each limit with the failure that set it."""

# ── Connections ────────────────────────────────────────────────────────────────

HEAD_BYTES = 32 * 1024
"""Of a head, and of a chunked body's trailers. A header of 100 MB took 11 s of the processor and as much memory."""

HEAD_FIELDS = 100
"""Of both together; a browser behind two proxies sends some thirty."""

PIECE_BYTES = 4 * 1024
"""Parsed at a time: one read holds up to 256 KiB, which may be thousands of requests or messages."""

HEAD_SECONDS = 10.0
"""A head that dripped in held a descriptor for ever, and so did a connection without a byte."""

REQUEST_SECONDS = 30.0
"""For a body to arrive that nobody waits for any more; who reads one gives up after BODY_SECONDS."""

LINGER_SECONDS = 1.0
"""A connection that is closed with unread bytes is reset, which may overtake the answer."""

LINGER_BYTES = 256 * 1024
"""Thrown away meanwhile; whoever sends more is not interested in the answer."""

UNSENT_SECONDS = 30.0
"""An answer of which its client takes nothing for so long is given up: closing waited for it for ever."""

RESERVED_DESCRIPTORS = 64
"""For databases, providers and webhooks; connections take the rest at most."""

TELL_SECONDS = 10.0
"""Between two log lines on connections that were refused."""

SOCKETS_PER_SECRET = 20
"""Sockets and event streams that one client secret holds open at a time: a customer has some tabs."""

MESSAGE_FRAMES = 1_000
"""A message of empty parts has no size and no end."""

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
"""900 unknown fields are 900 errors, of which a person reads the first."""

BROWSER_VALUES = 10_000
"""Of one answer. Lists within lists multiply: four times the sessions of their collection's sessions took 82 s where
there are twenty, and are a hundred million of a hundred. A collection with as many sessions and events has 3,000."""

BACK_END_VALUES = 50_000
"""A page of a hundred collections with twenty things each and twenty fields is less; as many take seconds."""

TURN_SECONDS = 0.02
"""Of the processor for one answer before other requests have their turn: 20,000 values in a row took 1.6 s, in which
nobody else was answered. What waits for a turn is loaded in a batch of its own: a page of 50 collections with all
that hangs off them takes shorter turns, one of thousands of things two or three batches."""

ERRORS_TOLD = 20
"""Of an answer without data: one that is too large fails at thousands of places, everywhere for the same reason."""

DOCUMENTS_KEPT = 256
"""A parsed document of 1,000 tokens takes 0.4 MB, so that hostile ones take 100 MB together."""

ACCEPTS_KEPT = 256
"""Headers are chosen by the client; only short ones are kept, and only so many."""

KEPT_HEADER_BYTES = 512
"""A longer Accept or Content-Type header is read anew each time rather than kept."""

# ── Streams and sockets ────────────────────────────────────────────────────────

SUBSCRIPTIONS = 20
"""One socket with 1,000 subscriptions is 1,000 readers of the log."""

MESSAGE_BYTES = 64 * 1024
"""uvicorn takes 16 MiB as it comes; its `ws_max_size` refuses before a message is in memory."""

OPERATION_ID_CHARACTERS = 255
"""An id is repeated in every frame of its stream; clients send a UUID or a counter."""

INIT_SECONDS = 10.0
"""A socket that never sends connection_init holds a file descriptor without a credential."""

HEARTBEAT_SECONDS = 15.0
"""Proxies cut a connection that is silent for 30 to 60 s."""

SLOW_SECONDS = 10.0
"""A subscriber that takes no item for so long is told to resume, and its source is closed."""

STALLED_SECONDS = 30.0
"""A client that takes not even that is given up: its connection ends without a word."""

CLOSE_SECONDS = 1.0
"""A close frame does not get through to a client that takes nothing."""

# ── Rate limits ────────────────────────────────────────────────────────────────

REDIS_SECONDS = 0.5
"""A Redis that is away would hold every request up; after this time the process counts for itself."""

DATABASE_SECONDS = 1.0
"""A count waits behind payments for SQLite's one writer; then as above."""

REDIS_CONNECTIONS = 32
"""Of one process: each is busy for well under a millisecond."""

STORE_RETRY_SECONDS = 5.0
"""For so long a store that was away is not asked again: each request would wait for it in vain."""

COUNTS_KEPT = 100_000
"""In memory, 10 MB: whoever has many addresses fills it, and the older half makes room."""

COUNTS_SPENT = 10_000
"""Counts over their quota that a process remembers: beyond that they are asked for again."""

RIGHT_SECONDS = 86_400
"""For so long a right credential's address is remembered by a store: a back end comes more often."""

CREDENTIALS_KEPT = 1_024
"""Right credentials, each with the address that it came from: more than there are back ends."""

ADDRESSES_KEPT = 1_024
"""Texts of addresses that were read are chosen by the client; only so many are kept."""

ADDRESS_CHARACTERS = 64
"""The longest address has 39, its port 6; what a client writes as one may have 60,000."""

PROXIES = 8
"""In a row, at most; X-Forwarded-For may name thousands."""

# ── The log ────────────────────────────────────────────────────────────────────

LOGGED_NAME_CHARACTERS = 64
"""An operation's name is the client's text."""

LOGGED_TEXT_CHARACTERS = 4_000
"""Of what a library logs: a failed start is told as a whole traceback."""

LOGGED_FRAMES = 12
"""The innermost frames say where it broke."""

REASON_BYTES = 123
"""Of the reason that a socket is closed with; the protocol has no room for more. Source: RFC 6455, section 5.5."""
