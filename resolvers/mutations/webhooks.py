"""The mutations on webhooks."""

import strawberry

from payments.model.errors import InvalidInput
from payments.model.instants import Instant
from payments.model.limits import URL_CHARACTERS
from payments.model.statuses import EventType
from resolvers.context import RequestContext
from resolvers.mutations import parsing
from resolvers.mutations.frame import webhook_mutation
from resolvers.pages import given
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
from webhooks import model
from webhooks.endpoints import WebhookOffice
from webhooks.model import CreateWebhookEndpoint, RecoverWebhookEndpoint, UpdateWebhookEndpoint


def _parse_create(input: CreateWebhookEndpointInput) -> CreateWebhookEndpoint:
    """Parse the input that registers a webhook endpoint; raises InvalidInput."""
    return CreateWebhookEndpoint(
        url=_url(input.url),
        event_types=_event_types(input.event_types),
        description=parsing.prose(input.description, "description"),
    )


def _parse_update(input: UpdateWebhookEndpointInput) -> UpdateWebhookEndpoint:
    """Parse the input that changes a webhook endpoint; raises InvalidInput."""
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


def _parse_recover(input: RecoverWebhookEndpointInput) -> RecoverWebhookEndpoint:
    """Parse the input that sends failed deliveries again; raises InvalidInput."""
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
        raise InvalidInput("At least one type; null means all.", path=("eventTypes",))
    return tuple(dict.fromkeys(types))


@strawberry.type
class WebhookMutations:
    """The mutations on webhook endpoints and deliveries."""

    @webhook_mutation(WebhookOffice.create, parse=_parse_create)
    def create_webhook_endpoint(
        self,
        context: RequestContext,
        input: CreateWebhookEndpointInput,
        created: model.WebhookEndpoint,
    ) -> CreateWebhookEndpointResult:
        """Register a webhook endpoint."""
        return WebhookEndpoint.of(created)

    @webhook_mutation(WebhookOffice.update, parse=_parse_update)
    def update_webhook_endpoint(
        self,
        context: RequestContext,
        input: UpdateWebhookEndpointInput,
        updated: model.WebhookEndpoint,
    ) -> UpdateWebhookEndpointResult:
        """Change a webhook endpoint."""
        return WebhookEndpoint.of(updated)

    @webhook_mutation(WebhookOffice.delete, parse=parsing.only_id)
    def delete_webhook_endpoint(
        self, context: RequestContext, input: DeleteWebhookEndpointInput, deleted: None
    ) -> DeleteWebhookEndpointResult:
        """Delete a webhook endpoint."""
        return Deleted(id=input.id)

    @webhook_mutation(WebhookOffice.rotate_secret, parse=parsing.only_id)
    def rotate_webhook_secret(
        self,
        context: RequestContext,
        input: RotateWebhookSecretInput,
        rotated: model.WebhookEndpoint,
    ) -> RotateWebhookSecretResult:
        """Replace a webhook endpoint's secret."""
        return WebhookEndpoint.of(rotated)

    @webhook_mutation(WebhookOffice.redeliver, parse=parsing.only_id)
    def redeliver_webhook(
        self, context: RequestContext, input: RedeliverWebhookInput, delivery: model.WebhookDelivery
    ) -> RedeliverWebhookResult:
        """Send one delivery again."""
        return WebhookDelivery.of(delivery)

    @webhook_mutation(WebhookOffice.recover, parse=_parse_recover)
    def recover_webhook_endpoint(
        self,
        context: RequestContext,
        input: RecoverWebhookEndpointInput,
        recovering: model.WebhookEndpoint,
    ) -> RecoverWebhookEndpointResult:
        """Send failed deliveries again."""
        return WebhookEndpoint.of(recovering)
