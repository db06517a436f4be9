"""Ask the explorer (Etherscan, API V2). Its key is a parameter of the address, so no address is
logged, traced or in an error; no text of an answer is, either.
"""

import asyncio
from typing import TypeVar

import httpx
from opentelemetry.trace import SpanKind
from pydantic import SecretStr, TypeAdapter

from cift_shared.errors import ProviderUnavailable
from cift_shared.http.transport import HttpTransport, whole_body
from cift_shared.http.untrusted_json import read_object
from cift_shared.observability.metrics import PROVIDER_REQUESTS
from cift_shared.observability.telemetry import span
from ethereum_watcher.explorer_wire import (
    HEIGHT,
    RECEIPT,
    TRANSACTION,
    AnswerUnusable,
    ExplorerReceipt,
    ExplorerTransaction,
    read_result,
)

PROVIDER = "etherscan"
BODY_BYTES_MAX = 16 * 1024 * 1024
"""Maximum size of an answer: a receipt with as many logs as a block has gas for."""
HEAD_BYTES_MAX = 64 * 1024
PACE_S = 0.4
"""Between two calls: keys without a fee may make three in a second."""

Found = TypeVar("Found")


class ExplorerUnavailable(ProviderUnavailable):
    """The explorer did not answer, or its answer says nothing about the chain."""

    def __init__(self, reason: str) -> None:
        super().__init__("explorer_unavailable", reason)


class Explorer:
    """The explorer of one chain."""

    def __init__(
        self,
        base: str,
        key: SecretStr,
        chain_id: int,
        *,
        timeout_s: float,
        pace_s: float = PACE_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network in tests."""
        self._base = base
        self._key = key
        self._chain_id = chain_id
        self._timeout_s = timeout_s
        self._pace_s = pace_s
        self._http = httpx.AsyncClient(
            transport=transport
            or HttpTransport(1, answer_bytes_max=HEAD_BYTES_MAX + BODY_BYTES_MAX),
            timeout=timeout_s,
            headers={"Accept-Encoding": "identity", "User-Agent": "cift-payments"},
            trust_env=False,
        )

    async def height(self) -> int:
        """The height of its highest block.

        Raises:
            ExplorerUnavailable: there is no answer, or none that can be used.
        """
        return await self._call(HEIGHT, "eth_blockNumber")

    async def receipt(self, transaction: str) -> ExplorerReceipt | None:
        """What a transaction did; None: it has none; raises as `height`."""
        return await self._call(RECEIPT, "eth_getTransactionReceipt", txhash=transaction)

    async def transaction(self, transaction: str) -> ExplorerTransaction | None:
        """A transaction; None: it has none; raises as `height`."""
        return await self._call(TRANSACTION, "eth_getTransactionByHash", txhash=transaction)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _call(self, kind: TypeAdapter[Found], action: str, **params: str) -> Found:
        outcome = "failed"
        with span(f"{PROVIDER} {action}", kind=SpanKind.CLIENT):
            try:
                document = read_object(await self._answer(action, params))
                result = read_result(kind, document)
                outcome = "ok"
            except AnswerUnusable as error:
                raise ExplorerUnavailable(f"{action}: {error}") from None
            finally:
                PROVIDER_REQUESTS.labels(PROVIDER, action, outcome).inc()
        return result

    async def _answer(self, action: str, params: dict[str, str]) -> bytes:
        await asyncio.sleep(self._pace_s)
        query = {
            "chainid": str(self._chain_id),
            "module": "proxy",
            "action": action,
            **params,
            "apikey": self._key.get_secret_value(),
        }
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream("GET", self._base, params=query) as response,
            ):
                raw = await whole_body(response, bytes_max=BODY_BYTES_MAX)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ExplorerUnavailable(f"{action}: {type(error).__name__}") from None
        if response.status_code != httpx.codes.OK:
            raise ExplorerUnavailable(f"{action}: HTTP {response.status_code}")
        return raw
