"""The queries on webhooks."""

import strawberry

from payments.model.ids import WEBHOOK_DELIVERY, WEBHOOK_ENDPOINT, DeliveryId, EndpointId, is_id
from resolvers.context import Info, RequestContext
from schema import webhook


async def find_endpoint(context: RequestContext, id: str) -> webhook.WebhookEndpoint | None:
    """Return an endpoint by its id, for back ends alone."""
    if context.caller.is_browser or not is_id(id, WEBHOOK_ENDPOINT):
        return None
    found = await context.loaders.endpoints.load(EndpointId(id))
    return None if found is None else webhook.WebhookEndpoint.of(found)


async def find_delivery(context: RequestContext, id: str) -> webhook.WebhookDelivery | None:
    """Return a delivery by its id, for back ends alone."""
    if context.caller.is_browser or not is_id(id, WEBHOOK_DELIVERY):
        return None
    found = await context.loaders.deliveries.load(DeliveryId(id))
    return None if found is None else webhook.WebhookDelivery.of(found)


@strawberry.type
class WebhookQueries:
    """The queries on webhooks."""

    @strawberry.field(description="Oldest first, at most 20.")
    async def webhook_endpoints(self, info: Info) -> list[webhook.WebhookEndpoint]:
        """Return the webhook endpoints."""
        context = info.context
        context.require_secret_key()
        found = await context.services.office.webhooks.endpoints()
        return [webhook.WebhookEndpoint.of(one) for one in found]
