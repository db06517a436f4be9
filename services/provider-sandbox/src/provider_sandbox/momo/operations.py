"""MTN's routes, with the names that faults and the request log use."""

import re

from provider_sandbox.twin import Operation

_ID = r"[^/]+"
_MONEY = {"reference": "externalId", "callback": "X-Callback-Url"}
_ROUTES = (
    ("POST", r"/v1_0/apiuser", Operation("momo.user")),
    ("POST", rf"/v1_0/apiuser/{_ID}/apikey", Operation("momo.user")),
    ("GET", rf"/v1_0/apiuser/{_ID}", Operation("momo.user")),
    ("POST", r"/collection/token/", Operation("momo.collection.token")),
    ("POST", r"/disbursement/token/", Operation("momo.disbursement.token")),
    ("POST", r"/collection/v1_0/requesttopay", Operation("momo.collection", **_MONEY)),
    ("GET", rf"/collection/v1_0/requesttopay/{_ID}", Operation("momo.collection.status")),
    ("POST", r"/disbursement/v1_0/transfer", Operation("momo.transfer", **_MONEY)),
    ("GET", rf"/disbursement/v1_0/transfer/{_ID}", Operation("momo.transfer.status")),
    ("POST", r"/disbursement/v[12]_0/refund", Operation("momo.refund", **_MONEY)),
    ("GET", rf"/disbursement/v1_0/refund/{_ID}", Operation("momo.refund.status")),
    ("GET", r"/(collection|disbursement)/v1_0/account/balance", Operation("momo.balance")),
    (
        "GET",
        rf"/(collection|disbursement)/v1_0/accountholder/msisdn/{_ID}/active",
        Operation("momo.holder"),
    ),
)
_COMPILED = tuple((method, re.compile(path), operation) for method, path, operation in _ROUTES)


def find(method: str, path: str) -> Operation | None:
    """The operation of a path; None when it is not MTN's."""
    for known, pattern, operation in _COMPILED:
        if known == method and pattern.fullmatch(path):
            return operation
    return None
