"""The limits of webhooks, each with the failure that set it."""

WEBHOOK_ENDPOINTS = 20
"""Each change is sent to all of them: more is a loop in somebody's deployment."""

WEBHOOK_STEPS_SECONDS = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0)
"""Between the tries of one delivery; after the last step, every WEBHOOK_LAST_STEP_SECONDS."""

WEBHOOK_LAST_STEP_SECONDS = 43_200.0

WEBHOOK_SECONDS = 3 * 86_400.0
"""How long a delivery is tried: a back end that breaks on a Friday evening is told on Monday."""

WEBHOOK_LEAST_TRIES = 6
"""Before a delivery is given up: what waited for days after another one has a chance of its own, of 40 minutes."""

WEBHOOK_LEASE_SECONDS = 30.0
"""How long a lane is its holder's: twice what one attempt may take. After a crash it waits for this long."""

WEBHOOKS_AT_ONCE = 8
"""Lanes of one endpoint that one process works on at the same time; one that does not answer gets one."""

WEBHOOK_FEED = 100
"""Events that one transaction makes deliveries of: what an endpoint missed does not hold writers up."""

WEBHOOK_ATTEMPTS_KEPT = 20
"""Of one delivery: three days of attempts are sixteen."""

WEBHOOK_KEPT_SECONDS = 30 * 86_400.0
"""How long a delivery stays readable once it has ended. The events themselves stay."""

WEBHOOK_CLEARED = 500
"""Old deliveries that one transaction deletes."""

WEBHOOK_SECRET_OVERLAP_SECONDS = 86_400.0
"""How long the secret before signs beside a new one."""

LAST_POSITION = 2**63 - 1
"""After every event of the log."""

MOST_RECOVERED = 1_000
"""Deliveries that one call sends again: a transaction of more would hold writers up."""
