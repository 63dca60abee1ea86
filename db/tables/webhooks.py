"""The tables of outgoing webhooks: endpoints, deliveries, and the lanes that keep these in order."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint

from db.tables.columns import (
    flag,
    free_text,
    id_column,
    index_where,
    instant,
    metadata,
    refers,
    word,
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    id_column(primary_key=True),
    free_text("url", nullable=False),
    free_text("event_types"),
    free_text("description"),
    free_text("secret", nullable=False),
    free_text("previous_secret"),
    instant("previous_secret_ends_at", nullable=True),
    flag("is_enabled"),
    Column("position", BigInteger, nullable=False),
    instant("created_at"),
    instant("updated_at"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    id_column(primary_key=True),
    refers("endpoint_id", "webhook_endpoints.id"),
    refers("event_id", "payment_events.id"),
    Column("position", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    id_column("lane", nullable=False),
    word("status"),
    free_text("attempts", nullable=False),
    Column("tried_times", Integer, nullable=False),
    instant("tried_since"),
    instant("next_attempt_at", nullable=True),
    instant("ended_at", nullable=True),
    instant("created_at"),
    instant("updated_at"),
    # An event has one delivery to an endpoint, however often the log is read.
    UniqueConstraint("endpoint_id", "event_id"),
    Index(None, "endpoint_id", "position"),
    Index(None, "endpoint_id", "status", "position"),
    index_where(
        "ix_webhook_deliveries_lanes",
        "endpoint_id",
        "lane",
        "sequence",
        condition="status = 'PENDING'",
    ),
    index_where("ix_webhook_deliveries_ended", "ended_at", condition="ended_at IS NOT NULL"),
)

webhook_lanes = Table(
    "webhook_lanes",
    metadata,
    id_column("endpoint_id", primary_key=True),
    id_column("lane", primary_key=True),
    free_text("holder"),
    instant("due_at"),
    Index(None, "endpoint_id", "due_at"),
)
"""One row for each endpoint and lane with something to send: its worker locks it first."""
