"""The calls to the explorer: what it is asked, and that its key stays with it."""

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ethereum_watcher.explorer_client import BODY_BYTES_MAX, Explorer, ExplorerUnavailable

KEY = "5UP3R53CR37K3Y"
BASE = "https://api.etherscan.io/v2/api"
HASH = "0x" + "ab" * 32


def explorer(answer: Callable[[httpx.Request], httpx.Response]) -> Explorer:
    return Explorer(
        BASE, SecretStr(KEY), 1, timeout_s=5, pace_s=0, transport=httpx.MockTransport(answer)
    )


def result(value: Any) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": value})


async def test_what_it_is_asked() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.host, request.url.path) == (
            "GET",
            "api.etherscan.io",
            "/v2/api",
        )
        asked.append(dict(request.url.params))
        return result("0x10" if request.url.params["action"] == "eth_blockNumber" else None)

    client = explorer(answer)
    assert await client.height() == 16
    assert await client.receipt(HASH) is None
    assert await client.transaction(HASH) is None
    await client.close()
    same = {"chainid": "1", "module": "proxy", "apikey": KEY}
    assert asked == [
        {**same, "action": "eth_blockNumber"},
        {**same, "action": "eth_getTransactionReceipt", "txhash": HASH},
        {**same, "action": "eth_getTransactionByHash", "txhash": HASH},
    ]


def _drop(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError(f"cut while reading {request.url}", request=request)


def _refuse(text: str) -> Callable[[httpx.Request], httpx.Response]:
    document = {"status": "0", "message": "NOTOK", "result": text}
    return lambda _: httpx.Response(200, json=document)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_drop, "ReadError"),
        (_refuse(f"Invalid API Key {KEY}"), "the key is refused"),
        (_refuse("Max rate limit reached"), "the rate limit is reached"),
        (lambda _: httpx.Response(403, text=KEY), "HTTP 403"),
        (lambda _: httpx.Response(302, headers={"location": "http://127.0.0.1/"}), "HTTP 302"),
        (lambda _: httpx.Response(200, text=f"<html>{KEY}</html>"), "not a JSON object"),
        (lambda _: httpx.Response(200, content=b"[" * 50_000), "not a JSON object"),
        (lambda _: httpx.Response(200, content=b" " * (BODY_BYTES_MAX + 1)), "ResponseRejected"),
        (
            lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=b""),
            "ResponseRejected",
        ),
        (lambda _: result(KEY), "a result of another form"),
    ],
)
async def test_a_failure_has_neither_key_nor_text(
    answer: Callable[[httpx.Request], httpx.Response], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = explorer(answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(ExplorerUnavailable, match=told) as failed:
        await client.height()
    await client.close()
    shown = f"{failed.value!r} {failed.getrepr(style='short', chain=True).reprcrash}"
    assert KEY not in shown
    assert KEY not in repr(vars(client))
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__ or failed.value.__context__ is None


async def test_calls_keep_their_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("ethereum_watcher.explorer_client.asyncio.sleep", sleep)
    transport = httpx.MockTransport(lambda _: result("0x1"))
    client = Explorer(BASE, SecretStr(KEY), 1, timeout_s=5, transport=transport)
    for _ in range(3):
        await client.height()
    await client.close()
    assert pauses == [0.4, 0.4, 0.4]
