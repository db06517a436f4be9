"""A payment is found by its metadata, through the client of openapi-python-client."""

import json
import sys
from uuid import uuid4

from cift_client import AuthenticatedClient
from cift_client.api.payments import create_payment, list_payments
from cift_client.models import (
    ListPaymentsMetadata,
    Payment,
    PaymentMethodRequest,
    PaymentRequest,
    PaymentRequestMetadata,
    PaymentRequestMethod,
    PaymentRequestType,
    Payments,
)


def pay(client: AuthenticatedClient, order_id: str) -> Payment:
    """A payment for an order of ours."""
    metadata = PaymentRequestMetadata()
    metadata["order_id"] = order_id
    order = PaymentRequest(
        type_=PaymentRequestType.DEPOSIT,
        method=PaymentRequestMethod.MPESA,
        amount="100.00",
        currency="KES",
        customer_id="c_42",
        payment_method=PaymentMethodRequest(phone="0712345678", country="KE"),
        metadata=metadata,
    )
    answer = create_payment.sync(client=client, body=order, idempotency_key=str(uuid4()))
    if not isinstance(answer, Payment):
        raise SystemExit(f"no payment: {answer}")
    return answer


def find(client: AuthenticatedClient, order_id: str) -> list[str]:
    """The ids of an order's payments.

    This client writes the members of an object without the object's name, so the member is the
    whole name, as the parameter's description says.
    """
    wanted = ListPaymentsMetadata()
    wanted["metadata[order_id]"] = order_id
    answer = list_payments.sync(client=client, metadata=wanted)
    if not isinstance(answer, Payments):
        raise SystemExit(f"no list: {answer}")
    return [str(payment.id) for payment in answer.data]


def main(base_url: str, token: str) -> None:
    """Pay twice, and print what is found of each and of neither."""
    orders = [str(uuid4()), str(uuid4())]
    with AuthenticatedClient(base_url=base_url, token=token) as client:
        paid = [[str(pay(client, order).id)] for order in orders]
        found = [find(client, order) for order in orders]
        print(json.dumps({"paid": paid, "found": found, "strange": find(client, "none")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
