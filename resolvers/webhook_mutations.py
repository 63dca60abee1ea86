"""The mutations on webhooks."""

from collections.abc import Coroutine
from typing import Any

import strawberry

from payments.errors import Refused
from payments.webhook_records import WebhookEndpoint as Endpoint
from resolvers import inputs as parse
from resolvers.context import Info, RequestContext
from resolvers.failures import rejected
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


@strawberry.type
class WebhookMutations:
    """Changes who is told of events, and sends again."""

    @strawberry.mutation
    async def create_webhook_endpoint(
        self, info: Info, input: CreateWebhookEndpointInput
    ) -> CreateWebhookEndpointResult:
        """Register a webhook endpoint."""
        context = info.context
        context.demand_secret_key()
        try:
            command = parse.create_endpoint(input)
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return await _changed(context, context.services.office.create(command))

    @strawberry.mutation
    async def update_webhook_endpoint(
        self, info: Info, input: UpdateWebhookEndpointInput
    ) -> UpdateWebhookEndpointResult:
        """Change a webhook endpoint."""
        context = info.context
        context.demand_secret_key()
        try:
            command = parse.update_endpoint(input)
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return await _changed(context, context.services.office.update(command))

    @strawberry.mutation
    async def delete_webhook_endpoint(
        self, info: Info, input: DeleteWebhookEndpointInput
    ) -> DeleteWebhookEndpointResult:
        """Delete a webhook endpoint."""
        context = info.context
        context.demand_secret_key()
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
        context.demand_secret_key()
        return await _changed(context, context.services.office.rotate_secret(input.id))

    @strawberry.mutation
    async def redeliver_webhook(
        self, info: Info, input: RedeliverWebhookInput
    ) -> RedeliverWebhookResult:
        """Send one delivery again."""
        context = info.context
        context.demand_secret_key()
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
        context.demand_secret_key()
        command = parse.recover_endpoint(input)
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
