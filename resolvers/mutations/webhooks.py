"""The mutations on webhooks."""

from collections.abc import Coroutine
from typing import Any

import strawberry

from payments.model.errors import InvalidInput, Refused
from payments.model.instants import Instant
from payments.model.limits import URL_CHARACTERS
from payments.model.statuses import EventType
from resolvers.context import Info, RequestContext
from resolvers.failures import rejected
from resolvers.mutations import parsing
from resolvers.pages import given
from schema import inputs
from schema.failures import RequestRejected
from schema.inputs import (
    CreateWebhookEndpointInput,
    DeleteWebhookEndpointInput,
    RecoverWebhookEndpointInput,
    RedeliverWebhookInput,
    RotateWebhookSecretInput,
    UpdateWebhookEndpointInput,
)
from schema.results import (
    CreateWebhookEndpointResult,
    Deleted,
    DeleteWebhookEndpointResult,
    RecoverWebhookEndpointResult,
    RedeliverWebhookResult,
    RotateWebhookSecretResult,
    UpdateWebhookEndpointResult,
)
from schema.webhook import WebhookDelivery, WebhookEndpoint
from webhooks.model import CreateWebhookEndpoint, RecoverWebhookEndpoint, UpdateWebhookEndpoint
from webhooks.model import WebhookEndpoint as Endpoint


@strawberry.type
class WebhookMutations:
    """Changes who is told of events, and sends again."""

    @strawberry.mutation
    async def create_webhook_endpoint(
        self, info: Info, input: CreateWebhookEndpointInput
    ) -> CreateWebhookEndpointResult:
        """Register a webhook endpoint."""
        context = info.context
        context.require_secret_key()
        try:
            command = _parse_create(input)
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return await _changed(context, context.services.office.create(command))

    @strawberry.mutation
    async def update_webhook_endpoint(
        self, info: Info, input: UpdateWebhookEndpointInput
    ) -> UpdateWebhookEndpointResult:
        """Change a webhook endpoint."""
        context = info.context
        context.require_secret_key()
        try:
            command = _parse_update(input)
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return await _changed(context, context.services.office.update(command))

    @strawberry.mutation
    async def delete_webhook_endpoint(
        self, info: Info, input: DeleteWebhookEndpointInput
    ) -> DeleteWebhookEndpointResult:
        """Delete a webhook endpoint."""
        context = info.context
        context.require_secret_key()
        services = context.services
        try:
            await services.flow.shielded(services.office.delete(input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return Deleted(id=input.id)

    @strawberry.mutation
    async def rotate_webhook_secret(
        self, info: Info, input: RotateWebhookSecretInput
    ) -> RotateWebhookSecretResult:
        """Return a webhook endpoint a new secret."""
        context = info.context
        context.require_secret_key()
        return await _changed(context, context.services.office.rotate_secret(input.id))

    @strawberry.mutation
    async def redeliver_webhook(
        self, info: Info, input: RedeliverWebhookInput
    ) -> RedeliverWebhookResult:
        """Send one delivery again."""
        context = info.context
        context.require_secret_key()
        services = context.services
        try:
            delivery = await services.flow.shielded(services.office.redeliver(input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return WebhookDelivery.of(delivery)

    @strawberry.mutation
    async def recover_webhook_endpoint(
        self, info: Info, input: RecoverWebhookEndpointInput
    ) -> RecoverWebhookEndpointResult:
        """Send again what failed."""
        context = info.context
        context.require_secret_key()
        command = _parse_recover(input)
        return await _changed(context, context.services.office.recover(command))


async def _changed(
    context: RequestContext, change: Coroutine[Any, Any, Endpoint]
) -> WebhookEndpoint | RequestRejected:
    """Carry a change of an endpoint out, and show what came of it."""
    try:
        endpoint = await context.services.flow.shielded(change)
    except Refused as refusal:
        return rejected(refusal.failure, context.request_id)
    return WebhookEndpoint.of(endpoint)


def _parse_create(input: inputs.CreateWebhookEndpointInput) -> CreateWebhookEndpoint:
    """Parse what registers a webhook endpoint; raises InvalidInput."""
    return CreateWebhookEndpoint(
        url=_url(input.url),
        event_types=_event_types(input.event_types),
        description=parsing.prose(input.description, "description"),
    )


def _parse_update(input: inputs.UpdateWebhookEndpointInput) -> UpdateWebhookEndpoint:
    """Parse what changes a webhook endpoint; raises InvalidInput."""
    url, is_enabled = given(input.url), given(input.is_enabled)
    types, description = (
        _event_types(input.event_types),
        parsing.prose(input.description, "description"),
    )
    return UpdateWebhookEndpoint(
        id=input.id,
        url=parsing.updated(input.url, "" if url is None else _url(url), "url", may_be_empty=False),
        event_types=parsing.updated(input.event_types, types, "eventTypes", may_be_empty=True),
        description=parsing.updated(
            input.description, description, "description", may_be_empty=True
        ),
        is_enabled=parsing.updated(
            input.is_enabled, is_enabled is True, "isEnabled", may_be_empty=False
        ),
    )


def _parse_recover(input: inputs.RecoverWebhookEndpointInput) -> RecoverWebhookEndpoint:
    """Parse what sends again what failed."""
    return RecoverWebhookEndpoint(id=input.id, since=Instant(input.since))


def _url(value: str) -> str:
    if len(value) > URL_CHARACTERS:
        raise InvalidInput(f"At most {URL_CHARACTERS} characters.", path=("url",))
    return value


def _event_types(types: list[EventType] | None) -> tuple[EventType, ...] | None:
    types = given(types)
    if types is None:
        return None
    if not types:
        raise InvalidInput("At least one type; all are meant by null.", path=("eventTypes",))
    return tuple(dict.fromkeys(types))
