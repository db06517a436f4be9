"""What MTN shows of a transaction, and the callbacks that carry the same.

A callback is sent only when the request named an address, by PUT or POST, and without any proof of
who sent it. Source: momodeveloper.mtn.com, "Callback"; both methods as integrators saw them.
"""

import json
import uuid
from sqlite3 import Row
from typing import Any

from provider_sandbox.momo.behaviours import BEHAVIOURS
from provider_sandbox.momo.places import PLACES
from provider_sandbox.momo.requests import PARTY
from provider_sandbox.twin import Twin
from provider_sandbox.webhook_sender import METHOD, CallbackMode, Notice


def view(twin: Twin, row: Row, *, as_query: bool) -> dict[str, Any]:
    """A transaction in MTN's form; a query may show its end a little later than a callback."""
    lag_s = twin.clock.span(twin.settings.momo_status_lag_s) if as_query else 0
    has_ended = row["decided_at"] is not None and row["decided_at"] + lag_s <= twin.clock.now()
    shown: dict[str, Any] = {
        "amount": row["amount_text"],
        "currency": PLACES[row["target"]].currency,
        "externalId": row["external_id"],
        "payerMessage": row["payer_message"],
        "payeeNote": row["payee_note"],
        "status": row["status"] if has_ended else BEHAVIOURS[row["behaviour"]].open_status,
    }
    if row["kind"] in PARTY:
        shown[PARTY[row["kind"]]] = {"partyIdType": "MSISDN", "partyId": row["msisdn"]}
    if has_ended and row["receipt"]:
        shown["financialTransactionId"] = row["receipt"]
    if has_ended and row["reason"]:
        shown["reason"] = row["reason"]
    return shown


def schedule(twin: Twin, row: Row) -> list[int]:
    """Schedule the callback of an ended transaction; answers those to deliver before an answer."""
    if not row["callback_url"]:
        return []
    return twin.webhook_sender.send(
        _notice(twin, row, view(twin, row, as_query=False)),
        CallbackMode(row["callback_mode"]),
        usual_s=twin.settings.momo_callback_lag_s,
        age_s=(row["decided_at"] - row["created_at"]) * twin.clock.speed,
    )


def forge(twin: Twin, row: Row) -> None:
    """Post a success that never happened, to the genuine address."""
    body = view(twin, row, as_query=False)
    body |= {"status": "SUCCESSFUL", "financialTransactionId": "6660666"}
    body.pop("reason", None)
    if row["callback_mode"] == CallbackMode.FORGED:
        body["amount"] = str(row["amount"] + 1_000)
    else:
        body["externalId"] = str(uuid.uuid4())
    twin.webhook_sender.send(_notice(twin, row, body), CallbackMode.ONCE, usual_s=0)


def _notice(twin: Twin, row: Row, body: dict[str, Any]) -> Notice:
    wanted = twin.settings.momo_callback_method
    method = wanted if wanted != "both" else ("POST", "PUT")[row["seq"] % 2]
    return Notice(
        provider=PLACES[row["target"]].book,
        kind=row["kind"],
        about=row["reference_id"],
        url=row["callback_url"],
        body=json.dumps(body),
        headers={"Content-Type": "application/json", METHOD: method},
    )
