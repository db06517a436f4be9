"""C2B confirmation for paid pushes; off by default, as it was only observed, not documented.

Source: Daraja documentation, "Customer To Business Register URL".
"""

from collections.abc import Mapping
from sqlite3 import Row
from typing import Any

from provider_sandbox.clock import nairobi
from provider_sandbox.daraja import accounts, ids
from provider_sandbox.daraja.errors import DarajaError, invalid
from provider_sandbox.daraja.validation import address
from provider_sandbox.daraja.wire import render
from provider_sandbox.twin import Twin
from provider_sandbox.webhook_sender import CallbackMode, Notice

_URL = "daraja.c2b.confirmation_url"


def register(twin: Twin, body: Mapping[str, Any]) -> dict[str, str]:
    """Register the confirmation and validation addresses, once.

    Raises:
        DarajaError: a field is wrong, or addresses are already registered.
    """
    if str(body.get("ShortCode")) != twin.settings.short_code:
        raise invalid("ShortCode")
    if body.get("ResponseType") not in ("Completed", "Cancelled"):
        raise invalid("ResponseType")
    words = twin.settings.refuse_url_words
    address(body, "ValidationURL", refuse_words=words)
    confirmation_url = address(body, "ConfirmationURL", refuse_words=words)
    if twin.store.meta(_URL) is not None:
        raise DarajaError(500, "500.003.1001", "URLs are already registered")
    twin.store.set_meta(_URL, confirmation_url)
    return {
        "OriginatorCoversationID": ids.request_id(),  # Daraja's own spelling
        "ResponseCode": "0",
        "ResponseDescription": "Success",
    }


def confirm(twin: Twin, row: Row, receipt: str) -> None:
    """Schedule the confirmation of a paid push, in the transaction of the payment."""
    url = twin.store.meta(_URL) if twin.settings.c2b_confirmation else None
    if url is None:
        return
    phone = row["msisdn"]
    balance = accounts.shillings(accounts.balance_cents(twin, accounts.PAYBILL))
    body = {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransTime": f"{nairobi(twin.clock.now()):%Y%m%d%H%M%S}",
        "TransAmount": f"{row['amount']}.00",
        "BusinessShortCode": twin.settings.short_code,
        "BillRefNumber": row["account_reference"],
        "InvoiceNumber": "",
        "OrgAccountBalance": str(balance),
        "ThirdPartyTransID": "",
        "MSISDN": f"{phone[:5]}****{phone[-3:]}",
        "FirstName": "JANE",
        "MiddleName": "",
        "LastName": "WANJIKU",
    }
    notice = Notice(
        provider="daraja",
        kind="c2b",
        about=row["checkout_id"],
        url=url,
        body=render(body).decode(),
        headers={"Content-Type": "application/json"},
    )
    twin.webhook_sender.send(notice, CallbackMode.ONCE, usual_s=twin.settings.callback_lag_s)
