"""The flow's limits, each with the failure that set it."""

LEASE_SECONDS = 5.0
"""The lease of an operation without a renewal: after a crash nobody works on it for this long."""

LEASE_RENEWAL_SECONDS = 1.5
"""How often a process renews its lease: two renewals may fail before it ends."""

ASK_SECONDS = 8.0
"""All tries of one request together: after it the outcome is unknown, unless the provider may take longer."""

CALL_SECONDS = 9.0
"""A call whose request has no outcome after this answers that it is open, within ten seconds; the request goes on."""

TRY_SECONDS = 6.0
"""The time that one try may need (connect 1 s, read 5 s): another starts only if this is left of ASK_SECONDS."""

TRIES = 3
"""How often an unreachable provider is tried within one request."""

FIRST_BACKOFF_SECONDS = 0.1
"""The pause before the second try; it doubles before each further one."""

ANSWER_SECONDS = 10.0
"""A call that waits for another one's outcome answers IN_PROGRESS after this time."""

POLL_SECONDS = 0.2
"""How often an operation leased by another process is checked."""

RECOVERY_STEPS_SECONDS = (60.0, 300.0, 3_600.0, *(86_400.0,) * 5)
"""The pauses between recovery's tries, after the first (one recovery interval): five days of an unknown outcome."""

RECOVERY_JITTER = 0.1
"""Spreads each pause: many outcomes that became unknown together are not all requested at the same time."""

ABSENT_TIMES = 3
"""Reads that have to find nothing before it is believed: a provider's records may trail what it did."""

ABSENCE_SECONDS = 600.0
"""The least time between the first and the last of these reads."""

RECOVERY_BATCH = 20
"""Operations that one process recovers at the same time: a provider that returns is not flooded."""

EXPIRED_PAYMENTS = 20
"""Expired authorizations that one sweep begins to give back."""

PARKED_SECONDS = 5 * 86_400.0
"""How long a report that matches nothing is tried again: as long as recovery looks after an operation."""

PARKED_REPORTS = 100
"""Parked reports applied in one go: they do not hold recovery up."""

READS_AT_ONCE = 8
"""Objects that one process reads from providers at the same time because of a report."""

DRAIN_SECONDS = 25.0
"""How long a shutdown waits for the flow; longer than a request and its recording."""

SESSIONS_A_COLLECTION = 100
"""More is a loop in a front end."""

REFUND_REASONS = 200
"""Reasons in the list, which is answered whole."""

HOLDERS_A_COLLECTION = 20
"""One customer at several providers."""

MOVEMENTS_A_PAYMENT = 1_000
"""Captures, and as many refunds."""


FAILED_ATTEMPTS = 20
"""Attempts of a browser on one collection: more is someone testing stolen cards."""

IDEMPOTENCY_KEY_CHARACTERS = 255
"""As in the contract; Stripe has the same limit."""

TEXT_CHARACTERS = 500
"""Characters of a reference, a region, a note or a name: longer ones fit on no page."""

URL_CHARACTERS = 2_000
"""Characters of a return address: browsers and gateways cut longer ones."""

JSON_BYTES = 16 * 1024
"""Bytes of one encoded JSON value, as in the contract."""

METADATA_KEYS = 50
"""Keys at the top of one metadata value."""
