"""The servers of DemoPay and DemoPoll, as far as their wire contracts go: transfers and a record.

DemoPay posts a signed notice about each transfer, DemoPoll posts nothing.
"""

import asyncio
import json
import os
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException

from demopay_method.gateway import HEADER, signature

app = FastAPI()
transfers: dict[str, dict[str, Any]] = {}
book: list[dict[str, Any]] = []
floats = {"GHS": 10_000_00}
released = asyncio.Event()
_tasks: set[asyncio.Task[None]] = set()
MOVES_AFTER_S = 0.2
CANCELABLE_S = 2.0
"""How long a transfer of an account that ends in 0903 can be canceled."""
SIGNATURE_CHARS = 64
NOTICE_AGAIN_S = 0.5


@app.get("/control/health")
async def health() -> dict[str, str]:
    """The twin answers."""
    return {"status": "ok"}


@app.get("/control/book")
async def record() -> dict[str, Any]:
    """Every movement of money."""
    return {"entries": book}


@app.get("/control/pending")
async def pending() -> dict[str, Any]:
    """What has not happened yet, or was not read by the worker."""
    unread = sum(len(one["events"]) - one["read"] for one in transfers.values())
    return {"agenda": {"reversals": unread}, "callbacks": {"waiting": 0, "sending": len(_tasks)}}


@app.get("/control/callbacks")
async def callbacks() -> dict[str, Any]:
    """Every notice that was posted to an address of one attempt: none is."""
    return {"entries": []}


@app.get("/control/requests")
async def requests() -> dict[str, Any]:
    """How often a request was taken, by operation: each id moves money once."""
    return {}


@app.post("/control/reversals")
async def reverse(wish: dict[str, Any]) -> dict[str, str]:
    """Take a part of a transfer back, or return it: one movement for each name.

    With `again`, what is known is reported once more.
    """
    (one,) = [each for each in transfers.values() if each.get("receipt") == wish["receipt"]]
    is_known = (wish["kind"], wish["name"]) in {(e["kind"], e["name"]) for e in one["events"]}
    if not is_known:
        _book(one, wish["kind"], wish["amount"], f"{wish['kind']}-{wish['name']}")
    if not is_known or wish.get("again"):
        one["events"].append(wish)
        _later(_notify({"id": one["id"], "state": wish["kind"]}, times=2))
    return {"status": "ok"}


@app.post("/control/release")
async def release() -> dict[str, str]:
    """Answer the requests that hang."""
    released.set()
    return {"status": "ok"}


@app.post("/transfers")
async def transfer(wish: dict[str, Any]) -> dict[str, Any]:
    """Move money once for each id, a moment later."""
    return _accept({**wish, "provider": "demopay"})


@app.post("/polled/transfers")
async def polled_transfer(wish: dict[str, Any]) -> dict[str, Any]:
    """The same at DemoPoll; for one account it takes until `/control/release`."""
    if wish["account"].endswith("0999"):
        await released.wait()
    if len(wish.pop("signature", "")) != SIGNATURE_CHARS:
        raise HTTPException(403)
    return _accept({**wish, "provider": "demopoll"})


@app.get("/transfers/{transfer_id}")
@app.get("/polled/transfers/{transfer_id}")
async def read(transfer_id: str) -> dict[str, Any]:
    """One transfer, with what was reversed and reinstated of it since."""
    one = transfers[transfer_id]
    one["read"] = len(one["events"])
    return one


@app.post("/polled/transfers/{transfer_id}/cancel")
async def cancel(transfer_id: str) -> dict[str, Any]:
    """Cancel a transfer that has not moved; for one account the money moves nevertheless."""
    wish = transfers[transfer_id]
    if wish["state"] == "pending" and wish["account"].endswith("0901"):
        _settle(wish)
    elif wish["state"] == "pending":
        wish["state"] = "canceled"
    return wish


@app.post("/control/float")
async def set_float(balance: dict[str, int]) -> dict[str, int]:
    """What DemoPoll says that we can pay out, by currency."""
    floats.update(balance)
    return floats


@app.get("/polled/balance")
async def balance() -> dict[str, int]:
    """What we can pay out, in minor units."""
    return floats


@app.post("/polled/session")
async def session(wish: dict[str, str]) -> dict[str, str]:
    """Renew our session."""
    return wish


def _accept(wish: dict[str, Any]) -> dict[str, Any]:
    if wish["id"] not in transfers:
        transfers[wish["id"]] = {**wish, "state": "pending", "events": [], "read": 0}
        _later(_move(transfers[wish["id"]]))
    return transfers[wish["id"]]


def _later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _move(wish: dict[str, Any]) -> None:
    await asyncio.sleep(MOVES_AFTER_S)
    if wish["account"].endswith(("0900", "0901")):
        return  # it moves, or not, when somebody asks to cancel it
    if wish["account"].endswith("0903"):
        await asyncio.sleep(CANCELABLE_S)
    if wish["state"] != "pending":
        return
    if wish["account"].endswith("0402"):
        wish["state"] = "declined"
    else:
        _settle(wish)
    if wish["provider"] == "demopay":
        await _notify({"id": wish["id"], "state": wish["state"]})


def _settle(wish: dict[str, Any]) -> None:
    wish |= {"state": "done", "receipt": f"DPR-{len(book) + 1}"}
    _book(wish, wish["kind"], wish["amount"], wish["receipt"])


def _book(wish: dict[str, Any], kind: str, amount: int, receipt: str) -> None:
    book.append({"seq": len(book) + 1, "provider": wish["provider"], "kind": kind,
                 "amount": str(amount), "currency": wish["currency"], "fee": "0",
                 "receipt": receipt, "at": datetime.now(UTC).isoformat(), "provider_ids": {},
                 "caller_refs": {"attempt": wish["id"]}, "callback_url": ""})  # fmt: skip


async def _notify(notice: dict[str, str], times: int = 1) -> None:
    """Post a signed notice, again until it is taken, as often as `times` says."""
    for _ in range(times):
        while not await _is_posted(json.dumps(notice).encode()):
            await asyncio.sleep(NOTICE_AGAIN_S)


async def _is_posted(body: bytes) -> bool:
    secret = os.environ["DEMOPAY_WEBHOOK_SECRET"]
    headers = {HEADER: signature(secret, body), "Content-Type": "application/json"}
    try:
        async with httpx.AsyncClient() as http:
            url = os.environ["DEMOPAY_WEBHOOK_URL"]
            return (await http.post(url, content=body, headers=headers)).is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    port = int(os.environ["CIFT_SANDBOX_HTTP_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
