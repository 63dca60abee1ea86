"""Prefixed ULIDs: the prefix names the kind of object."""

import re
from typing import NewType

from payments.model.instants import Instant
from payments.model.statuses import OperationKind
from payments.model.ulids import first_ulid, milliseconds_of, new_ulid

CollectionId = NewType("CollectionId", str)
SessionId = NewType("SessionId", str)
PaymentId = NewType("PaymentId", str)
OperationId = NewType("OperationId", str)
EventId = NewType("EventId", str)
DisputeId = NewType("DisputeId", str)
ProviderId = NewType("ProviderId", str)
HolderId = NewType("HolderId", str)
MethodId = NewType("MethodId", str)
SetupId = NewType("SetupId", str)
RefundReasonId = NewType("RefundReasonId", str)
EndpointId = NewType("EndpointId", str)
DeliveryId = NewType("DeliveryId", str)

COLLECTION = "pay_col_"
SESSION = "payses_"
PAYMENT = "pay_"
EVENT = "evt_"
DISPUTE = "disp_"
ACCOUNT_HOLDER = "acchld_"
PAYMENT_METHOD = "paymtd_"
SETUP = "setup_"
REFUND_REASON = "refr_"
WEBHOOK_ENDPOINT = "whep_"
WEBHOOK_DELIVERY = "whdl_"

OPENING = "open_"
UPDATING = "upd_"
ATTEMPT = "auth_"
CAPTURE = "capt_"
REFUND = "ref_"
CANCELLATION = "cncl_"

OPERATION_PREFIXES = {
    OperationKind.OPEN: OPENING,
    OperationKind.UPDATE: UPDATING,
    OperationKind.AUTHORIZE: ATTEMPT,
    OperationKind.CAPTURE: CAPTURE,
    OperationKind.REFUND: REFUND,
    OperationKind.CANCEL: CANCELLATION,
}
"""An operation's id tells its kind."""

ULID_TEXT = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


def new_id(prefix: str) -> str:
    """Return a new id of a kind; ids sort by the millisecond of their creation."""
    return prefix + new_ulid()


def first_id(prefix: str, since: Instant) -> str:
    """Return the lowest id that a kind can have at or after an instant."""
    return prefix + first_ulid(max(0, since // 1_000))


def made_at(id: str) -> Instant:
    """Return when an id was created, to the millisecond."""
    return Instant(milliseconds_of(id.rpartition("_")[2]) * 1_000)


def new_request_id() -> str:
    """Return a new id by which the log names a request, or work that nobody requested."""
    return new_ulid()


def is_id(text: str, prefix: str) -> bool:
    """Return whether a text is an id of a kind; nothing else reaches the database."""
    return text.startswith(prefix) and ULID_TEXT.fullmatch(text, len(prefix)) is not None
