"""Endpoint of payment options."""

from typing import Annotated

from fastapi import APIRouter, Query

from cift_shared.errors import InvalidCommand
from gateway.http.api_route import ApiRoute, needs, refusals
from gateway.http.parts import part
from gateway.payment_options.presenters import option_out
from gateway.payment_options.requests import PaymentOptionsQuery
from gateway.payment_options.responses import PaymentOptionsOut
from gateway.payment_options.service import PaymentOptions
from gateway.problems.problem import parameter_problem, sentence

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["payments"])


@router.get(
    "/payment-options", responses=refusals("amount_invalid", "currency_unknown"), **needs("read")
)
async def list_payment_options(
    query: Annotated[PaymentOptionsQuery, Query()],
    options: Annotated[PaymentOptions, part(PaymentOptions)],
) -> PaymentOptionsOut:
    """What a payer can use now: one entry for each rail and currency that matches.

    What workers report about their providers is at most 15 seconds old.
    """
    try:
        found = await options.find(query)
    except InvalidCommand as error:
        name = error.pointer.removeprefix("/")
        detail = sentence(str(error))
        raise parameter_problem(error.code, detail, place="query", name=name) from error
    return PaymentOptionsOut(data=[option_out(option, query.type) for option in found])
