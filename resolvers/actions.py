"""The customer's next action for the browser, and when to ask again."""

import math

from payments.model import entities, instants, outcomes
from payments.model.instants import SECOND, Instant
from schema.actions import (
    AwaitProvider,
    ConfirmWithSdk,
    DisplayInstructions,
    RedirectToUrl,
    RequiredAction,
)
from schema.scalars import JSON, optional_instant


def show_action(action: outcomes.CustomerAction | None) -> RequiredAction:
    """Return the customer's next action."""
    match action:
        case outcomes.RedirectToUrl():
            return RedirectToUrl(
                kind="REDIRECT",
                expires_at=optional_instant(action.expires_at),
                fallback_url=action.url,
                url=action.url,
            )
        case outcomes.ConfirmWithSdk():
            return ConfirmWithSdk(
                kind="SDK",
                expires_at=optional_instant(action.expires_at),
                fallback_url=None,
                client_secret=action.client_secret,
                publishable_key=action.publishable_key,
            )
        case outcomes.DisplayInstructions():
            return DisplayInstructions(
                kind="INSTRUCTIONS",
                expires_at=optional_instant(action.expires_at),
                fallback_url=None,
                instructions=JSON(action.instructions),
            )
        case None:
            return AwaitProvider(
                kind="WAIT", expires_at=None, fallback_url=None, retry_after_seconds=1
            )


def await_provider(operation: entities.Operation) -> AwaitProvider:
    """Return the action to wait for the provider, and for how long at least."""
    return AwaitProvider(
        kind="WAIT",
        expires_at=None,
        fallback_url=None,
        retry_after_seconds=retry_after_seconds(operation.due_at),
    )


def retry_after_seconds(due_at: Instant | None) -> int:
    """Return the whole seconds until recovery's next attempt, at least one."""
    if due_at is None:
        return 60
    return max(1, math.ceil((due_at - instants.now()) / SECOND))
