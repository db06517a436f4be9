"""DemoPay's own server, as far as its wire contract goes: transfers, a record, signed notices."""

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from demopay_method.gateway import HEADER, signature

app = FastAPI()
transfers: dict[str, dict[str, Any]] = {}
book: list[dict[str, Any]] = []
_tasks: set[asyncio.Task[None]] = set()
MOVES_AFTER_S = 0.2


@app.get("/control/health")
async def health() -> dict[str, str]:
    """The twin answers."""
    return {"status": "ok"}


@app.get("/control/book")
async def record() -> dict[str, Any]:
    """Every movement of money."""
    return {"entries": book}


@app.post("/transfers")
async def transfer(wish: dict[str, Any]) -> dict[str, Any]:
    """Move money once for each id, a moment later."""
    if wish["id"] not in transfers:
        transfers[wish["id"]] = {**wish, "state": "pending"}
        task = asyncio.create_task(_move(transfers[wish["id"]]))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
    return transfers[wish["id"]]


@app.get("/transfers/{transfer_id}")
async def read(transfer_id: str) -> dict[str, Any]:
    """One transfer."""
    return transfers[transfer_id]


async def _move(wish: dict[str, Any]) -> None:
    await asyncio.sleep(MOVES_AFTER_S)
    if wish["account"].endswith("0402"):
        wish["state"] = "declined"
    else:
        wish |= {"state": "done", "receipt": f"DPR-{len(book) + 1}"}
        book.append({"provider": "demopay", "kind": wish["kind"], "amount": str(wish["amount"]),
                     "currency": wish["currency"], "fee": "0", "receipt": wish["receipt"],
                     "at": datetime.now(UTC).isoformat()})  # fmt: skip
    await _notify({"id": wish["id"], "state": wish["state"]})


async def _notify(notice: dict[str, str]) -> None:
    body = json.dumps(notice).encode()
    secret = os.environ["DEMOPAY_WEBHOOK_SECRET"]
    headers = {HEADER: signature(secret, body), "Content-Type": "application/json"}
    async with httpx.AsyncClient() as http:
        await http.post(os.environ["DEMOPAY_WEBHOOK_URL"], content=body, headers=headers)


if __name__ == "__main__":
    port = int(os.environ["CIFT_SANDBOX_HTTP_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
