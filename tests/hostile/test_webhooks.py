"""What the rows of the webhook tests leave out: odd headers, paths of other calls, odd events.

Rows 37, 38, 39, 42, 50 and 51: `integration/gateway/test_stripe_webhook.py`, `test_webhooks.py`.
Rows 40, 43, 45, 46: `unit/mpesa_worker/test_deposits.py`, `test_payouts.py`,
`unit/card_worker/test_deposits.py`, `integration/card_worker/test_interleavings.py`, and
`test_providers.py` here for every field of every kind.
"""

import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from cift_shared.ids import AttemptId
from cift_shared.security.callback_token import CallbackTokens
from mpesa_method.purposes import Purpose
from tests.hostile.mutations import RAW
from tests.integration.gateway.test_stripe_webhook import event, send, sign_bytes
from tests.support.gateway import WEBHOOK_SECRET, RunningGateway, running_gateway
from tests.support.payments import PHONE
from tests.support.problems import problem

pytestmark = pytest.mark.integration


@pytest.fixture
async def gateway(database: str):
    async with running_gateway(database) as running:
        yield running


async def post(client: httpx.AsyncClient, raw: bytes, header: str | bytes) -> httpx.Response:
    headers = {"Stripe-Signature": header}
    return await client.post("/webhooks/stripe", content=raw, headers=headers)


async def test_signatures_of_no_sense(gateway: RunningGateway) -> None:
    client, raw, now = gateway.raw_client(), json.dumps(event()).encode(), int(time.time())
    good = sign_bytes(raw, WEBHOOK_SECRET, now)
    v1 = good.partition(",")[2]
    arabic = "".join(chr(0x660 + int(digit)) for digit in str(now))
    refused: list[str | bytes] = [
        "t=" + "9" * 4000 + "," + v1,
        f"t={now}.0,{v1}",
        f"t=-{now},{v1}",
        f"t=+{now},{v1}",
        f"t= {now},{v1}",
        f"t={now}e0,{v1}",
        f"t=NaN,{v1}",
        f"t=,{v1}",
        f"t={arabic},{v1}".encode(),
        b"\xef\xbb\xbf" + good.encode(),
        good.upper(),
        good.replace("v1=", "v1 ="),
        good + "," + good,
        f"t={now}," + ",".join("v1=" + "0" * 64 for _ in range(1000)),
        good.replace(",", ";"),
    ]
    for header in refused:
        problem(await post(client, raw, header), 400, "signature_invalid")
    assert await gateway.count("gateway.inbox") == 0
    # a crowd of others beside the right one, as far as a header may go
    crowd = good + "".join(",v1=" + "0" * 64 for _ in range(40))
    assert (await post(client, raw, crowd)).status_code == 200


async def test_signed_bodies_of_no_sense(gateway: RunningGateway) -> None:
    """Even the right secret makes no event of these, and none of them is kept."""
    client = gateway.raw_client()
    bom, utf16 = (
        b"\xef\xbb\xbf" + json.dumps(event()).encode(),
        json.dumps(event()).encode("utf-16"),
    )
    for body in (*RAW[:-1], bom, utf16):
        if body:
            header = sign_bytes(body, WEBHOOK_SECRET, int(time.time()))
            problem(await post(client, body, header), 400, "webhook_event_invalid")
    odd: list[dict[str, Any]] = [
        event(event_id=7),
        event("evt_\0"),
        event("evt_\ud800"),
        event("e" * 256),
        event(type=7),
        event(livemode="false"),
        event(livemode=0),
        event(data=[]),
        event(data={"object": {"id": "pi_1\0"}}),
        event(data={"object": {"id": {"id": "pi_1"}}}),
    ]
    for document in odd:
        problem(await send(client, document), 400, "webhook_event_invalid")
    assert await gateway.count("gateway.inbox") == 0


async def test_events_we_never_heard_of_are_kept_for_the_worker(gateway: RunningGateway) -> None:
    """Another account's, another version's, of an unknown type: the API is asked, not the event."""
    client = gateway.raw_client()
    for number, fields in enumerate(
        ({"account": "acct_other"}, {"api_version": "1999-01-01"}, {"type": "moon.landed"},
         {"type": "x" * 5000}, {"type": "a\0\u202eb"})
    ):  # fmt: skip
        assert (await send(client, event(f"evt_{number}", **fields))).status_code == 200
    assert await gateway.count("gateway.inbox") == 5


async def test_paths_of_others(gateway: RunningGateway) -> None:
    """A path is good for one call of one attempt; a changed one is nobody's."""
    client, tokens = gateway.raw_client(), gateway.settings.callback_tokens()
    attempt, other = AttemptId(uuid4()), AttemptId(uuid4())
    mine, theirs = tokens.make(attempt, Purpose.STK_PUSH), tokens.make(other, Purpose.STK_PUSH)
    proof = mine[34:]
    forged = [
        mine[:32] + "02" + proof,  # another purpose
        theirs[:34] + proof,  # another attempt
        mine[:32] + "00" + proof,
        mine[:32] + "ff" + proof,
        mine + "00",
        mine[:-2],
        mine + mine,
        " " + mine[1:],
        mine.replace("a", "\u0430") + "\u0430",
        CallbackTokens(b"x" * 32).make(attempt, Purpose.STK_PUSH),
    ]
    for path in forged:
        answer = await client.post(f"/callbacks/{path}", content=b"{}")
        problem(answer, 404, "not_found")
    assert await gateway.count("gateway.inbox") == 0


async def test_nothing_of_it_is_logged(gateway: RunningGateway) -> None:
    client = gateway.raw_client()
    token = gateway.settings.callback_tokens().make(AttemptId(uuid4()), Purpose.PAYOUT)
    words = f"{PHONE} 4242424242424242 {WEBHOOK_SECRET}"
    with capture_logs() as logs:
        for body in (words.encode(), json.dumps({"a": words}).encode()):
            await client.post(f"/callbacks/{token}", content=body)
            await client.post(f"/callbacks/{token}x?{words}", content=body)
            await client.post("/webhooks/mpesa", content=body, headers={"X-A": words})
            await post(client, body, words)
            await send(client, event(type=words, data={"object": {"id": "pi_1", "x": words}}))
    told = repr(logs)
    for secret in (PHONE, token, WEBHOOK_SECRET):
        assert secret not in told.replace(words[:100], "")
