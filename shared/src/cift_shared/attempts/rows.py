"""Read attempts from their rows."""

from typing import Annotated, Any

import asyncpg
from pydantic import Field, TypeAdapter

from cift_shared.attempts.processor import Attempt, MethodAttempt
from cift_shared.attempts.state_machine import ENDED
from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import PaymentRequest, RequestDetach, RequestSetup

Request = PaymentRequest | RequestSetup | RequestDetach

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])

OPERATIONS = {
    "request_deposit": "deposit",
    "request_withdrawal": "withdrawal",
    "request_refund": "refund",
    "request_setup": "setup",
    "request_detach": "detach",
}


def attempt_of(row: asyncpg.Record) -> Attempt | MethodAttempt:
    """The attempt in a claimed row."""
    request = _REQUESTS.validate_python(row["request"])
    kind: Any = MethodAttempt if isinstance(request, RequestSetup | RequestDetach) else Attempt
    attempt: Attempt | MethodAttempt = kind(
        attempt_id=AttemptId(row["attempt_id"]),
        operation=row["operation"],
        request=request,
        memory=row["memory"],
        checks=row["checks"],
        created_at=row["created_at"],
        ended=row["state_before"] in ENDED,
    )
    return attempt
