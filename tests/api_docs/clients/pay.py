"""The plainest phone payment, through the client of openapi-python-client; prints the payment."""

import json
import sys
from uuid import uuid4

from cift_client import AuthenticatedClient
from cift_client.api.payments import create_payment
from cift_client.models import (
    Payment,
    PaymentMethodRequest,
    PaymentRequest,
    PaymentRequestMethod,
    PaymentRequestType,
)


def main(base_url: str, token: str) -> None:
    """Pay, and print what was answered."""
    order = PaymentRequest(
        type_=PaymentRequestType.DEPOSIT,
        method=PaymentRequestMethod.MPESA,
        amount="100.00",
        currency="KES",
        customer_id="c_42",
        payment_method=PaymentMethodRequest(phone="0712345678", country="KE"),
    )
    with AuthenticatedClient(base_url=base_url, token=token) as client:
        answer = create_payment.sync(client=client, body=order, idempotency_key=str(uuid4()))
    if not isinstance(answer, Payment):
        raise SystemExit(f"no payment: {answer}")
    print(json.dumps(answer.to_dict()))


if __name__ == "__main__":
    main(*sys.argv[1:])
