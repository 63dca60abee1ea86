"""A minimal client: HTTP/1.1 on one kept connection, so that it measures the server and not itself."""

import asyncio
from typing import Any

import orjson

LARGEST_HEAD = 16 * 1024


class Connection:
    """One kept connection to a server on this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=LARGEST_HEAD))

    async def post(self, path: str, body: bytes) -> Any:
        """Send a JSON body and return the JSON answer; raises for any status except 200."""
        self._writer.write(
            b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"accept: application/graphql-response+json\r\ncontent-length: %d\r\n\r\n%b"
            % (path.encode(), len(body), body)
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, *lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        answer = await self._reader.readexactly(length)
        if b" 200 " not in status:
            raise RuntimeError(f"{status.decode()}: {answer[:500]!r}")
        return orjson.loads(answer)

    async def execute(self, query: str, variables: dict[str, Any]) -> Any:
        """Execute a GraphQL document and return the value of its one root field."""
        answer = await self.post("/graphql", orjson.dumps({"query": query, "variables": variables}))
        if "errors" in answer:
            raise RuntimeError(f"{answer['errors']}")
        (value,) = answer["data"].values()
        return value

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()
