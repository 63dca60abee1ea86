"""Request counts in the database, for rate limits that several processes share, with their table."""

from sqlalchemy import BigInteger, Column, Index, String, Table, bindparam, delete, select, update

from db.engine.database import Database
from db.statements.compiled import Connection, Statement, insert_into
from db.tables.payments import metadata
from payments.model.instants import after

rate_counts = Table(
    "rate_counts",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Index(None, "ends_at"),
)

ENDED_AT_ONCE = 10
"""Expired counts deleted for each new one: there are never many more than live ones."""

_count = rate_counts.c["count"]  # c.count is a method.

INCREASE = Statement(
    update(rate_counts)
    .where(rate_counts.c.key == bindparam("by_key"))
    .values(count=_count + bindparam("amount", type_=BigInteger))
    .returning(_count)
)
INSERT = insert_into(rate_counts)
COUNT = Statement(select(_count).where(rate_counts.c.key == bindparam("by_key")))
FORGET = Statement(
    delete(rate_counts).where(
        rate_counts.c.key.in_(
            select(rate_counts.c.key)
            .where(rate_counts.c.ends_at < bindparam("now"))
            .order_by(rate_counts.c.ends_at)
            .limit(ENDED_AT_ONCE)
        )
    )
)


class SqlCounts:
    """Request counts in rows; see edge.rate_limits.counters."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count; return its value. Raises StoreFailed."""
        now = self._database.now()
        ends_at = after(now, expiry)

        def add(connection: Connection) -> int:
            # If two transactions insert at the same moment, the second starts again and finds the first one's row.
            found = connection.rows(INCREASE, {"by_key": key, "amount": amount})
            if found:
                return int(found[0][0])
            connection.change(INSERT, {"key": key, "count": amount, "ends_at": ends_at})
            connection.change(FORGET, {"now": now})
            return amount

        return await self._database.write(add)

    async def get(self, key: str) -> int:
        """Return a count's value; 0 where there is none. Raises StoreFailed."""
        found = await self._database.rows(COUNT, {"by_key": key})
        return int(found[0][0]) if found else 0

    async def close(self) -> None:
        """Do nothing: the database is closed by its owner."""
