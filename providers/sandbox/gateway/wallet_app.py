"""The gateway's addresses for customers and their payment methods."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from providers.sandbox.gateway.requests import RequestRefused, read_json
from providers.sandbox.gateway.responses import NO_STORE, LostReply, refusal_of
from providers.sandbox.gateway.rules import KeyTaken, NoSuchThing, NothingHappened
from providers.sandbox.gateway.wallet import Keeping, SavingDone
from providers.sandbox.gateway.wallet_records import Customer, read_customer, read_saving
from providers.sandbox.gateway.wire import KEY, Malformed


def savings_routes(keeping: Keeping) -> list[BaseRoute]:
    """Return the routes; the gateway's own application guards them."""
    endpoints = _Endpoints(keeping)
    return [
        Route("/customers", endpoints.put_customer, methods=["POST"]),
        Route("/customers/{key}", endpoints.change_customer, methods=["POST"]),
        Route("/customers/{key}", endpoints.delete_customer, methods=["DELETE"]),
        Route("/savings", endpoints.save, methods=["POST"]),
        Route("/savings/{key}", endpoints.find, methods=["GET"]),
        Route("/savings/{key}", endpoints.delete, methods=["DELETE"]),
    ]


class _Endpoints:
    """The endpoints: requests become calls of the gateway, and its results become answers."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    async def put_customer(self, request: Request) -> Response:
        customer = await _read_customer(request)
        await self._keeping.put_customer(customer)
        return JSONResponse({"id": customer.id}, headers=NO_STORE)

    async def change_customer(self, request: Request) -> Response:
        customer = await _read_customer(request)
        if customer.id != request.path_params["key"]:
            raise RequestRefused(422, "The customer's id is another one.")
        try:
            await self._keeping.change_customer(customer)
        except NoSuchThing:
            return refusal_of(404, "The sandbox knows no such customer.")
        return JSONResponse({"id": customer.id}, headers=NO_STORE)

    async def delete_customer(self, request: Request) -> Response:
        await self._keeping.delete_customer(_key_of(request))
        return JSONResponse({}, headers=NO_STORE)

    async def save(self, request: Request) -> Response:
        body = await read_json(request)
        try:
            answer = await self._keeping.save(read_saving(body))
        except Malformed as fault:
            raise RequestRefused(422, str(fault)) from None
        except NoSuchThing:
            return refusal_of(404, "The sandbox knows no such customer.")
        match answer:
            case SavingDone(is_reply_lost=True):
                return LostReply()
            case SavingDone():
                return JSONResponse(answer.saving.to_wire(), headers=NO_STORE)
            case NothingHappened():
                return refusal_of(503, "The gateway can't be reached.")
            case KeyTaken():
                return JSONResponse(
                    {"message": "This key belongs to another saving."}, 409, NO_STORE
                )

    async def find(self, request: Request) -> Response:
        saving = await self._keeping.find(_key_of(request))
        if saving is None:
            return refusal_of(404, "Nothing was saved with this key.")
        return JSONResponse(saving.to_wire(), headers=NO_STORE)

    async def delete(self, request: Request) -> Response:
        await self._keeping.delete(_key_of(request))
        return JSONResponse({}, headers=NO_STORE)


async def _read_customer(request: Request) -> Customer:
    try:
        return read_customer(await read_json(request))
    except Malformed as fault:
        raise RequestRefused(422, str(fault)) from None


def _key_of(request: Request) -> str:
    """Return the key in the path; an invalid one never reaches the ledger."""
    key: str = request.path_params["key"]
    return key if KEY.fullmatch(key) else ""
