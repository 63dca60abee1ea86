"""Counts in Redis, by the storage of `limits`. A module of its own: the client is loaded only where it is used."""

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from edge import limits

KEY_PREFIX = "tillgraph"


class RedisCounts:
    """Counts that all processes with the same Redis share."""

    def __init__(self, address: str, seconds: float) -> None:
        self._pool = BlockingConnectionPool.from_url(
            address,
            max_connections=limits.REDIS_CONNECTIONS,
            timeout=seconds,
            socket_connect_timeout=seconds,
            socket_timeout=seconds,
            # The client's own default tries three times more, for seconds.
            retry=Retry(NoBackoff(), 0),
        )
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=KEY_PREFIX,
            connection_pool=self._pool,  # type: ignore[arg-type]  # handed to the client as it is
        )
        self.incr = storage.incr
        self.get = storage.get

    async def close(self) -> None:
        """Let go of every connection."""
        await self._pool.aclose()
