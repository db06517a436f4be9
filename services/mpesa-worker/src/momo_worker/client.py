"""MTN's operations as we use them, on the platform that an attempt belongs to.

`momo_worker.transport` defines what failures mean.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import httpx

from cift_shared.clock import Clock
from cift_shared.errors import ProviderRejectedRequest
from cift_shared.resilience.rate_limiter import TokenBucket
from momo_worker import codes, wire
from momo_worker.settings import MomoConfig, Platform, Product
from momo_worker.token_store import Tokens
from momo_worker.transport import MomoHttp, Request, RequestRefused

NO_PLATFORM = "provider_platform_unknown"
"""No credentials are set for the platform that has the transaction."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to move money at MTN."""

    name: Literal["request_to_pay", "transfer", "refund"]
    product: Product
    path: str


REQUEST_TO_PAY = Operation("request_to_pay", "collection", "/collection/v1_0/requesttopay")
TRANSFER = Operation("transfer", "disbursement", "/disbursement/v1_0/transfer")
REFUND = Operation("refund", "disbursement", "/disbursement/v1_0/refund")


@dataclass(frozen=True, slots=True)
class Target:
    """A transaction at MTN: the platform that has it, and its id there."""

    base: str
    target: str
    """`X-Target-Environment`."""
    reference: UUID


class MomoClient:
    """Calls MTN in one country.

    Every method raises `RequestRefused` when MTN refuses the request, `ProviderRejectedRequest`
    when we have no credentials for the platform, and `PaymentProcessorError` for other failures.
    """

    def __init__(
        self,
        config: MomoConfig,
        tokens: Tokens,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`tokens` keeps the access tokens; `transport` replaces the network, for tests."""
        self._current = config.current
        bucket = TokenBucket(config.requests_per_second, clock)
        self._http = {
            _place(platform): MomoHttp(config, platform, tokens, bucket, clock, transport=transport)
            for platform in config.platforms
        }

    @property
    def is_unavailable(self) -> bool:
        """True while the platform of new payments gets no request."""
        return self._http[_place(self._current)].is_unavailable

    async def close(self) -> None:
        """Close the connections."""
        for http in self._http.values():
            await http.close()

    async def move(
        self, operation: Operation, target: Target, body: wire.Move, callback: str
    ) -> bool:
        """Ask MTN to move money, at most once for a target.

        Returns:
            False: MTN has a request with this id already.
        """
        request = Request(
            operation=operation.name,
            product=operation.product,
            method="POST",
            path=operation.path,
            body=body.document(),
            reference=target.reference,
            callback=callback,
        )
        try:
            await self._at(target).send(request)
        except RequestRefused as refused:
            if refused.status == codes.ALREADY_THERE:
                return False
            raise
        return True

    async def read(self, operation: Operation, target: Target) -> wire.Status | None:
        """A transaction as it is now; None: MTN has none, or does not show it yet."""
        request = Request(
            operation=f"{operation.name}_status",
            product=operation.product,
            method="GET",
            path=f"{operation.path}/{target.reference}",
        )
        try:
            return await self._at(target).read(request, wire.Status)
        except RequestRefused as refused:
            if refused.is_not_found:
                return None
            raise

    async def has_wallet(self, phone: str) -> bool:
        """Whether a number has an active wallet, on the platform of new payments."""
        request = Request(
            operation="account_holder",
            product="disbursement",
            method="GET",
            path=f"/disbursement/v1_0/accountholder/msisdn/{phone}/active",
        )
        try:
            holder = await self._http[_place(self._current)].read(request, wire.Holder)
        except RequestRefused as refused:
            if refused.is_not_found:
                return False
            raise
        return holder.result

    async def balance(self) -> wire.Balance:
        """What the disbursement account can pay out now."""
        request = Request(
            operation="balance",
            product="disbursement",
            method="GET",
            path="/disbursement/v1_0/account/balance",
        )
        return await self._http[_place(self._current)].read(request, wire.Balance)

    def _at(self, target: Target) -> MomoHttp:
        found = self._http.get((target.base, target.target))
        if found is None:
            raise ProviderRejectedRequest(NO_PLATFORM, "no credentials for this platform")
        return found


def _place(platform: Platform) -> tuple[str, str]:
    return platform.base, platform.target
