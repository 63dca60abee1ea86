"""The flow's limits, each with the failure that set it."""

LEASE_SECONDS = 5.0
"""How long an operation is its holder's without a renewal: after a crash nobody works on it for this long."""

LEASE_RENEWAL_SECONDS = 1.5
"""How often a holder renews: two renewals may fail before the lease ends."""

ASK_SECONDS = 8.0
"""All tries of one ask together: beyond it the outcome is unknown, unless its provider may take longer."""

CALL_SECONDS = 9.0
"""A call whose own ask has no outcome after this answers that it is open, within ten seconds; the ask goes on."""

TRY_SECONDS = 6.0
"""What one try may need (connect 1 s, read 5 s): a further try starts only if this is left of ASK_SECONDS."""

TRIES = 3
"""How often a provider that is not reached is tried within one request."""

FIRST_BACKOFF_SECONDS = 0.1
"""Before the second try; doubled before each further one."""

ANSWER_SECONDS = 10.0
"""A call that waits for another one's outcome is answered IN_PROGRESS after this time."""

POLL_SECONDS = 0.2
"""How often an operation that another process is asking is looked at."""

RECOVERY_STEPS_SECONDS = (60.0, 300.0, 3_600.0, *(86_400.0,) * 5)
"""Between the tries of recovery, after the first (one recovery interval): five days of an unknown outcome."""

RECOVERY_JITTER = 0.1
"""Of a step: many outcomes that became unknown together are not all asked for together."""

ABSENT_TIMES = 3
"""Looks at a provider that find nothing before that is believed: what it shows may be some time behind what it did."""

ABSENCE_SECONDS = 600.0
"""Between the first and the last of these looks, at least."""

RECOVERY_BATCH = 20
"""Operations that one process recovers at the same time: a provider that comes back is not flooded."""

LAPSED_PAYMENTS = 20
"""Authorizations past their time that one look begins to give back."""

PARKED_SECONDS = 5 * 86_400.0
"""How long a report that matches nothing is tried again: as long as recovery itself looks after an operation."""

PARKED_REPORTS = 100
"""Reports that matched nothing when they came, applied in one go: they do not hold recovery up."""

READS_AT_ONCE = 8
"""Objects that one process reads from providers at the same time because a report named them."""

DRAIN_SECONDS = 25.0
"""How long a shutdown waits for the flow; longer than an ask with its record."""

SESSIONS_A_COLLECTION = 100
"""More is a loop in somebody's front end."""

REFUND_REASONS = 200
"""On the list: longer ones nobody reads, and they are answered whole."""

HOLDERS_A_COLLECTION = 20
"""One customer, as several providers know them."""

MOVEMENTS_A_PAYMENT = 1_000
"""Captures, and as many refunds."""


FAILED_ATTEMPTS = 20
"""A browser's on one collection: more is somebody who tries out cards."""

IDEMPOTENCY_KEY_CHARACTERS = 255
"""As in the contract; Stripe has the same limit."""

TEXT_CHARACTERS = 500
"""Of a reference, a region, a note or a name: longer ones do not fit on anybody's page."""

URL_CHARACTERS = 2_000
"""Of a return address: longer ones are cut by browsers and gateways."""

JSON_BYTES = 16 * 1024
"""Of one JSON value once encoded, as in the contract."""

METADATA_KEYS = 50
"""At the top of one metadata value."""
