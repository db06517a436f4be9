"""Pay at a fixed rate through the gateway's Service until STOP exists; then ask for results.

Each request is made once: nothing is repeated, whatever goes wrong. Prints one JSON object: how
many requests were made, which failed and why, in which states the accepted payments ended.
The arguments: payments per second, seconds in which the last payments have to end.
"""

import asyncio
import collections
import itertools
import json
import os
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

GATEWAY = "http://127.0.0.1:8080/api/v1"
STOP = "/tmp/stop"
FINAL = frozenset({"completed", "failed", "expired", "canceled", "in_review"})
ACCEPTED = 202
ASK_AT_ONCE = 10
LOOK_EVERY_S = 1.0
TIMEOUT_S = 30.0


@dataclass
class Tally:
    """What happened to the requests."""

    sent: int = 0
    failures: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def order(number: int) -> dict[str, Any]:
    """The request of a payment; each phone is used once, because it would be locked for a while."""
    common = {"type": "deposit", "amount": "100.00", "customer_id": f"cus_{number % 50}"}
    if number % 3 == 0:
        return common | {
            "method": "card",
            "currency": "USD",
            "payment_method": {"token": "pm_card_visa"},
        }
    phone = {"phone": f"2547{number % 100_000:05d}777", "country": "KE"}
    return common | {"method": "mpesa", "currency": "KES", "payment_method": phone}


async def request(http: httpx.AsyncClient, number: int, tally: Tally) -> None:
    """Make one payment."""
    tally.sent += 1
    started = time.monotonic()
    headers = {"Idempotency-Key": secrets.token_hex(12)}
    try:
        reply = await http.post("/payments", json=order(number), headers=headers)
    except httpx.TransportError as error:
        tally.failures.append(f"{time.strftime('%T')} {type(error).__name__}: {error}")
        return
    tally.slowest_s = max(tally.slowest_s, time.monotonic() - started)
    if reply.status_code == ACCEPTED:
        tally.accepted.append(reply.json()["id"])
    else:
        tally.failures.append(f"{time.strftime('%T')} {reply.status_code}: {reply.text[:200]}")


async def pay(http: httpx.AsyncClient, rate: float) -> Tally:
    """Start requests at the rate until STOP exists."""
    tally = Tally()
    started = time.monotonic()
    first = int(time.time()) % 10_000 * 10  # other phones than those of the run before
    async with asyncio.TaskGroup() as requests:
        for number in itertools.count():
            if os.path.exists(STOP):  # noqa: ASYNC240, PTH110  a look at a file in memory
                break
            requests.create_task(request(http, first + number, tally))
            due = started + (number + 1) / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
    return tally


async def states(http: httpx.AsyncClient, ids: list[str], within_s: float) -> dict[str, int]:
    """The payments by state, once all are final or the time is over."""
    found = dict.fromkeys(ids, "unknown")
    until = time.monotonic() + within_s
    limit = asyncio.Semaphore(ASK_AT_ONCE)

    async def look(payment: str) -> None:
        async with limit:
            reply = await http.get(f"/payments/{payment}")
            if reply.is_success:
                found[payment] = reply.json()["status"]

    while time.monotonic() < until:
        open_ones = [each for each in ids if found[each] not in FINAL]
        if not open_ones:
            break
        await asyncio.gather(*map(look, open_ones), return_exceptions=True)
        await asyncio.sleep(LOOK_EVERY_S)
    return dict(collections.Counter(found.values()))


async def main(rate: float, within_s: float) -> None:
    """Run the load and print its result."""
    headers = {"Authorization": f"Bearer {os.environ['CIFT_API_KEY']}"}
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(
        base_url=GATEWAY, headers=headers, timeout=TIMEOUT_S, limits=limits
    ) as http:
        tally = await pay(http, rate)
        ended = await states(http, tally.accepted, within_s)
    result = {
        "sent": tally.sent,
        "accepted": len(tally.accepted),
        "failures": tally.failures,
        "slowest_s": round(tally.slowest_s, 3),
        "states": ended,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    Path(STOP).unlink(missing_ok=True)
    asyncio.run(main(*map(float, sys.argv[1:])))
