"""Notices of results in asynchronous use: posted once to the application's listener, unsigned.

Source: M-Pesa OpenAPI documentation, "Asynchronous response".
"""

from sqlite3 import Row

from provider_sandbox.twin import Twin
from provider_sandbox.vodacom import ids
from provider_sandbox.vodacom.errors import TEXTS, render
from provider_sandbox.webhook_sender import CallbackMode, Notice

_FORGED_AFTER_S = 2


def send(twin: Twin, row: Row) -> list[int]:
    """Schedule the notice of a decided request, in the caller's transaction.

    Returns:
        The notices to deliver before the request is answered.
    """
    age_s = (twin.clock.now() - row["created_at"]) * twin.clock.speed
    notice = _notice(twin, row, row["kind"], row["code"], row["transaction_id"])
    if notice is None:
        return []
    mode = CallbackMode(row["callback_mode"])
    return twin.webhook_sender.send(
        notice, mode, usual_s=twin.settings.vodacom_notice_s, age_s=max(0.0, age_s)
    )


def send_forged(twin: Twin, row: Row) -> None:
    """Schedule a forged success, if the mode requires one: with another id of Vodacom, or another
    key of the caller.
    """
    mode = row["callback_mode"]
    if mode not in (CallbackMode.FORGED, CallbackMode.FORGED_ID):
        return
    key = row["key"] if mode == CallbackMode.FORGED else ids.conversation_id()
    forged = {**dict(row), "key": key, "conversation_id": ids.conversation_id()}
    notice = _notice(twin, forged, f"{row['kind']}.forged", "INS-0", ids.transaction_id())
    if notice is not None:
        twin.webhook_sender.send(notice, CallbackMode.ONCE, usual_s=_FORGED_AFTER_S)


def _notice(
    twin: Twin, row: Row | dict[str, object], kind: str, code: str, transaction_id: str | None
) -> Notice | None:
    settings = twin.settings
    if settings.vodacom_flow != "asynchronous" or not settings.vodacom_listener_url:
        return None
    body = {
        "input_OriginalConversationID": row["conversation_id"],
        "input_TransactionID": transaction_id or "N/A",
        "input_ResultCode": code,
        "input_ResultDesc": TEXTS[code][1],
        "input_ThirdPartyConversationID": row["key"],
    }
    return Notice(
        provider="vodacom",
        kind=kind,
        about=str(row["conversation_id"]),
        url=settings.vodacom_listener_url,
        body=render(body).decode(),
        headers={"Content-Type": "application/json"},
    )
