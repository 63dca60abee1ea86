"""Pages of an endpoint's deliveries, newest first."""

from collections.abc import Sequence

from payments.model.errors import InvalidCursor
from payments.model.ids import WEBHOOK_DELIVERY, DeliveryId, EndpointId
from resolvers.loaders import Loader
from resolvers.pages import given, page_info, page_size
from schema.cursors import cursor_of, id_of
from schema.enums import WebhookDeliveryStatus
from schema.webhook import WebhookDelivery as ShownDelivery
from schema.webhook import WebhookDeliveryConnection, WebhookDeliveryEdge
from webhooks.limits import LAST_POSITION
from webhooks.model import WebhookDelivery
from webhooks.ports import Webhooks

LIST = "delivery"
"""The list's name in its cursors."""


async def deliveries_page(
    id: EndpointId,
    status: WebhookDeliveryStatus | None,
    first: int | None,
    after: str | None,
    *,
    webhooks: Webhooks,
    known: Loader[DeliveryId, WebhookDelivery],
) -> WebhookDeliveryConnection:
    """Return a page; raises InvalidInput and InvalidCursor."""
    size, after = page_size(first), given(after)
    before = LAST_POSITION if after is None else await _position(after, id, known)
    found = await webhooks.delivery_page(id, given(status), before=before, limit=size + 1)
    return _shown(found, size, after)


async def _position(cursor: str, id: EndpointId, known: Loader[DeliveryId, WebhookDelivery]) -> int:
    delivery = await known.load(DeliveryId(id_of(LIST, cursor, WEBHOOK_DELIVERY)))
    if delivery is None or delivery.endpoint_id != id:
        raise InvalidCursor("This cursor does not belong to this list.")
    return delivery.position


def _shown(
    deliveries: Sequence[WebhookDelivery], size: int, after: str | None
) -> WebhookDeliveryConnection:
    edges = [
        WebhookDeliveryEdge(cursor=cursor_of(LIST, one.id), node=ShownDelivery.of(one))
        for one in deliveries[:size]
    ]
    cursors = [edge.cursor for edge in edges]
    info = page_info(cursors, has_more=len(deliveries) > size, after=after)
    return WebhookDeliveryConnection(edges=edges, page_info=info)
