"""The limits of webhooks, each with the failure that set it."""

WEBHOOK_ENDPOINTS = 20
"""Each change is sent to all of them: more is a loop in a deployment."""

WEBHOOK_STEPS_SECONDS = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0)
"""The pauses between the attempts of one delivery; after the last step, every WEBHOOK_LAST_STEP_SECONDS."""

WEBHOOK_LAST_STEP_SECONDS = 43_200.0

WEBHOOK_SECONDS = 3 * 86_400.0
"""How long a delivery is tried: a back end that breaks on a Friday evening still gets it on Monday."""

WEBHOOK_LEAST_TRIES = 6
"""Attempts before a delivery fails: one that waited for days after another one gets 40 minutes of its own."""

WEBHOOK_LEASE_SECONDS = 30.0
"""The lease of a lane: twice what one attempt may take. After a crash it waits for this long."""

WEBHOOKS_AT_ONCE = 8
"""Lanes of one endpoint that one process works on at the same time; an endpoint that does not answer gets one."""

WEBHOOK_FEED = 100
"""Events that one transaction turns into deliveries: catching up does not block writers."""

WEBHOOK_ATTEMPTS_KEPT = 20
"""Attempts kept of one delivery: three days of them are sixteen."""

WEBHOOK_KEPT_SECONDS = 30 * 86_400.0
"""How long a delivery stays readable after it ended. The events themselves stay."""

WEBHOOK_CLEARED = 500
"""Old deliveries that one transaction deletes."""

WEBHOOK_SECRET_OVERLAP_SECONDS = 86_400.0
"""How long the previous secret signs beside a new one."""

LAST_POSITION = 2**63 - 1
"""A position after every event of the log."""

MOST_RECOVERED = 1_000
"""Deliveries that one call sends again: a larger transaction would block writers."""
