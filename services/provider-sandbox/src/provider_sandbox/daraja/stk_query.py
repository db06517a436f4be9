"""``POST /mpesa/stkpushquery/v1/query``: the state of a push, without receipt, amount or phone.

Source: Daraja documentation, "M-Pesa Express Query", and dated sandbox observations of its two
in-flight shapes.
"""

from typing import Any

from provider_sandbox.daraja import stk
from provider_sandbox.daraja.codes import IN_FLIGHT, stk_query_text
from provider_sandbox.daraja.errors import DarajaError, refused
from provider_sandbox.twin import Twin


def answer(twin: Twin, checkout_id: str) -> dict[str, Any]:
    """The state of a push.

    Raises:
        DarajaError: 500.001.1001, for an unknown id, and often for one that is in flight.
    """
    row = stk.find(twin, checkout_id)
    if row is None:
        raise refused("The transaction does not exist")
    code = row["result_code"]
    if code is None:
        _refuse_sometimes(twin)
        code, text = IN_FLIGHT, "The transaction is still under processing"
    else:
        text = stk_query_text(code)
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": row["merchant_id"],
        "CheckoutRequestID": checkout_id,
        "ResultCode": code,
        "ResultDesc": text,
    }


def _refuse_sometimes(twin: Twin) -> None:
    shape = twin.settings.in_flight_shape
    if shape == "error_200_empty":
        raise DarajaError(200, "500.001.1001", "")
    if shape == "error_500" or twin.noise.random() < twin.settings.query_noise:
        raise refused("The transaction is being processed")
