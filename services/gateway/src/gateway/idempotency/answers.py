"""The HTTP responses for refused requests, and for repeats of a request decided earlier."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi.responses import JSONResponse

from gateway.idempotency.service import Refused, Repeated
from gateway.problems.problem import MEDIA_TYPE

REPLAYED = {"Idempotency-Replayed": "true"}
_FIELDS = ("type", "title", "status", "detail", "instance", "code", "retryable", "errors")
_ERROR_FIELDS = ("pointer", "in", "parameter", "code", "detail")


def stored_answer(
    decision: Refused | Repeated, shape: Callable[[dict[str, Any]], dict[str, Any]]
) -> JSONResponse:
    """The response for a refusal or for a repeat.

    Args:
        decision: the decision.
        shape: turns the stored reply of an acceptance into the response body.
    """
    if isinstance(decision, Refused):
        return _refusal(decision.status, decision.document)
    stored = decision.stored
    if stored.location is None:
        return _refusal(stored.status, stored.reply, **REPLAYED)
    headers = {"Location": stored.location, **REPLAYED}
    return JSONResponse(shape(stored.reply), status_code=stored.status, headers=headers)


def _refusal(status: int, document: dict[str, Any], **headers: str) -> JSONResponse:
    return JSONResponse(
        in_order(document), status_code=status, headers=headers, media_type=MEDIA_TYPE
    )


def in_order(document: Mapping[str, Any]) -> dict[str, Any]:
    """A stored problem document with its fields in the usual order; jsonb has no order."""
    shown = {name: document[name] for name in _FIELDS if name in document}
    if "errors" in shown:
        shown["errors"] = [
            {name: error[name] for name in _ERROR_FIELDS if name in error}
            for error in shown["errors"]
        ]
    return shown
