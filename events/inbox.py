"""`POST /webhooks/{provider_id}`: accepts a report's raw bytes, and answers 2xx only after they are committed."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.transport.bodies import BodyLate, BodyTooLarge, ClientGone, read_body
from payments.flow.runtime import Flow
from payments.model.errors import StoreFailed
from payments.model.ids import new_request_id
from payments.ports.provider import NoReports, ReportRefused, ReportUnsigned
from payments.recovery.provider_reports import receive

REPORT_BYTES = 1024 * 1024
"""Bytes of one report: Stripe's largest are some hundred KiB."""

BODY_SECONDS = 10.0
"""For a report's body to arrive: a slow sender holds no connection for longer."""


def inbox_routes(flow: Flow) -> list[Route]:
    """Return the inbox's route."""

    async def take(request: Request) -> Response:
        request_id = new_request_id()
        try:
            body = await read_body(
                request.receive, most_bytes=REPORT_BYTES, within_seconds=BODY_SECONDS
            )
            provider_id = request.path_params["provider_id"]
            await flow.shielded(
                receive(flow, provider_id, request.headers, body, request_id=request_id)
            )
        except BodyTooLarge:
            return _answer(413, f"A report has at most {REPORT_BYTES} bytes.", request_id)
        except ReportRefused as refused:
            return _answer(_status_of(refused), str(refused), request_id)
        except BodyLate:
            return _answer(408, "The report did not arrive in time.", request_id)
        except ClientGone:
            return _answer(400, "The report did not arrive whole.", request_id)
        except StoreFailed as busy:
            return _answer(503, str(busy), request_id)
        return Response(status_code=204, headers={"x-request-id": request_id})

    return [Route("/webhooks/{provider_id}", take, methods=["POST"])]


def _status_of(refused: ReportRefused) -> int:
    match refused:
        case ReportUnsigned():
            return 401
        case NoReports():
            return 404
        case _:
            return 400


def _answer(status: int, message: str, request_id: str) -> Response:
    headers = {"x-request-id": request_id, "cache-control": "no-store"}
    if status == 503:
        headers["retry-after"] = "1"
    return JSONResponse({"message": message, "requestId": request_id}, status, headers)
