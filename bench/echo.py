"""A bare Starlette JSON echo: what the network and the framework cost without us."""

import socket
import sys

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """Parse a JSON body and send it back."""
    value = orjson.loads(await request.body())
    return Response(orjson.dumps(value), media_type="application/json")


class Server(uvicorn.Server):
    """A server that calls back once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and call back."""
        await super().startup(sockets)
        print("ready", flush=True)


if __name__ == "__main__":
    Server(
        uvicorn.Config(
            Starlette(routes=[Route("/echo", echo, methods=["POST"])]),
            host="127.0.0.1",
            port=int(sys.argv[1]),
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
        )
    ).run()
