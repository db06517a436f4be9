"""The HTTP response for a decision about a payment or a refund."""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from gateway.http.prefer_wait import preferred_wait_s
from gateway.idempotency.answers import stored_answer
from gateway.idempotency.service import Accepted, Decision
from gateway.payments.presenters import with_terms
from gateway.payments.service import Payments

ACCEPTED = 202


async def decision_answer(decision: Decision, request: Request, payments: Payments) -> Response:
    """The stored reply; with `Prefer: wait`, the payment as it is at the end of the wait."""
    wait_s = preferred_wait_s(request.headers.getlist("prefer"))
    if wait_s and isinstance(decision, Accepted):
        acceptance = decision.acceptance
        row = await payments.wait(request.state.caller, acceptance.resource_id, wait_s)
        if row is not None:
            headers = {
                "Location": acceptance.location,
                "Preference-Applied": f"wait={wait_s}",
            }
            shown = payments.shown(row).model_dump(mode="json")
            return JSONResponse(shown, status_code=ACCEPTED, headers=headers)
    return immediate_answer(decision)


def immediate_answer(decision: Decision) -> Response:
    """The stored reply."""
    if not isinstance(decision, Accepted):
        return stored_answer(decision, with_terms)
    headers = {"Location": decision.acceptance.location}
    return JSONResponse(with_terms(decision.reply), status_code=ACCEPTED, headers=headers)
