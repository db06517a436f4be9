"""PayPal's operations as we use them: requests and parsed answers. One call, one answer.

`paypal_worker.transport` defines what failures mean. Every write carries our key as
`PayPal-Request-Id`, and asks for the whole object (`Prefer: return=representation`).
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel

from cift_shared.attempts.access_token import TokenStore
from cift_shared.clock import Clock
from cift_shared.errors import SettingsInvalid
from paypal_worker import payout_wire, vault_wire, wire
from paypal_worker.settings import PayPalConfig
from paypal_worker.transport import PayPalHttp, Request

MOCK_HEADER = "PayPal-Mock-Response"
"""Makes PayPal's sandbox answer an error. Source: developer.paypal.com/negative-testing."""
_WHOLE = {"Prefer": "return=representation"}

Reply = TypeVar("Reply", bound=BaseModel)


class PayPalClient:
    """Calls PayPal for one account.

    Every method raises `RequestRefused` when PayPal refuses the request, and
    `PaymentProcessorError` for the other failures.
    """

    def __init__(
        self,
        config: PayPalConfig,
        tokens: TokenStore,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        mock_responses: Mapping[str, str] | None = None,
    ) -> None:
        """Create the client.

        Args:
            config: the settings.
            tokens: keeps the access token.
            clock: for the circuit breaker and the token's lifetime.
            transport: replaces the network, for tests.
            mock_responses: for tests with the sandbox or its twin: by operation, the error that
                PayPal answers.

        Raises:
            SettingsInvalid: mock responses with real money.
        """
        if mock_responses and config.environment == "live":
            raise SettingsInvalid(f"{MOCK_HEADER} is for PayPal's sandbox only")
        self._mocks = dict(mock_responses or {})
        self._http = PayPalHttp(config, tokens, clock, transport=transport)

    @property
    def is_unavailable(self) -> bool:
        """True while no request is sent, because PayPal did not answer or refused our app."""
        return self._http.is_unavailable

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def create_order(self, body: Mapping[str, Any], key: str) -> wire.Order:
        """Create an order; it moves no money, unless it names a saved account of the payer."""
        return await self.post("order_create", "/v2/checkout/orders", body, wire.Order, key=key)

    async def read_order(self, order_id: str) -> wire.Order:
        """An order with its captures and their refunds, as they are now."""
        return await self.get("order_read", f"/v2/checkout/orders/{_id(order_id)}", wire.Order)

    async def capture_order(self, order_id: str, key: str) -> wire.Order:
        """Take the money of an approved order: at most once, however often it is called."""
        path = f"/v2/checkout/orders/{_id(order_id)}/capture"
        return await self.post("order_capture", path, {}, wire.Order, key=key)

    async def read_capture(self, capture_id: str) -> wire.Capture:
        """A capture as it is now."""
        path = f"/v2/payments/captures/{_id(capture_id)}"
        return await self.get("capture_read", path, wire.Capture)

    async def refund_capture(
        self, capture_id: str, body: Mapping[str, Any], key: str
    ) -> wire.Refund:
        """Refund a capture: the body names the amount, because {} would mean all that is left."""
        path = f"/v2/payments/captures/{_id(capture_id)}/refund"
        return await self.post("refund_create", path, body, wire.Refund, key=key)

    async def read_refund(self, refund_id: str) -> wire.Refund:
        """A refund as it is now."""
        path = f"/v2/payments/refunds/{_id(refund_id)}"
        return await self.get("refund_read", path, wire.Refund)

    async def verify_webhook(self, raw: bytes) -> str | None:
        """Whether PayPal sent a webhook: SUCCESS or FAILURE; `raw` has the event byte for byte."""
        path = "/v1/notifications/verify-webhook-signature"
        return (await self.post_raw("webhook_verify", path, raw, wire.Verification)).status

    async def list_events(self, query: str) -> wire.EventPage:
        """A page of the events of our app, newest first."""
        path = f"/v1/notifications/webhooks-events?{query}"
        return await self.get("event_list", path, wire.EventPage)

    async def list_disputes(self, capture_id: str) -> wire.DisputePage:
        """The disputes of a capture, in short."""
        query: dict[str, str | int] = {"disputed_transaction_id": capture_id, "page_size": 50}
        return await self.get("dispute_list", "/v1/customer/disputes", wire.DisputePage, query)

    async def read_dispute(self, dispute_id: str) -> wire.Dispute:
        """A dispute with the money that it moved."""
        path = f"/v1/customer/disputes/{_id(dispute_id)}"
        return await self.get("dispute_read", path, wire.Dispute)

    async def create_payout(self, body: Mapping[str, Any], key: str) -> payout_wire.PayoutBatch:
        """Create a batch of payouts; PayPal refuses a second one with its `sender_batch_id`."""
        path = "/v1/payments/payouts"
        return await self.post("payout_create", path, body, payout_wire.PayoutBatch, key=key)

    async def read_payout(self, batch_id: str) -> payout_wire.PayoutBatch:
        """A batch of payouts with its items, as they are now."""
        path = f"/v1/payments/payouts/{_id(batch_id)}"
        return await self.get("payout_read", path, payout_wire.PayoutBatch)

    async def read_payout_item(self, item_id: str) -> payout_wire.PayoutItem:
        """One payout as it is now."""
        path = f"/v1/payments/payouts-item/{_id(item_id)}"
        return await self.get("payout_item_read", path, payout_wire.PayoutItem)

    async def cancel_payout(self, item_id: str, key: str) -> payout_wire.PayoutItem:
        """Have an unclaimed payout returned; any other is refused."""
        path = f"/v1/payments/payouts-item/{_id(item_id)}/cancel"
        return await self.post("payout_cancel", path, None, payout_wire.PayoutItem, key=key)

    async def read_balances(self) -> payout_wire.Balances:
        """Our balance in each currency."""
        return await self.get("balances", "/v1/reporting/balances", payout_wire.Balances)

    async def create_setup(self, body: Mapping[str, Any], key: str) -> vault_wire.SetupToken:
        """Ask for a payer's approval of later deposits; the answer links to PayPal's page."""
        path = "/v3/vault/setup-tokens"
        return await self.post("setup_create", path, body, vault_wire.SetupToken, key=key)

    async def read_setup(self, setup_id: str) -> vault_wire.SetupToken:
        """An approval as it is now."""
        path = f"/v3/vault/setup-tokens/{_id(setup_id)}"
        return await self.get("setup_read", path, vault_wire.SetupToken)

    async def create_token(self, body: Mapping[str, Any], key: str) -> vault_wire.PaymentToken:
        """Make the payment token of an approved setup token."""
        path = "/v3/vault/payment-tokens"
        return await self.post("token_create", path, body, vault_wire.PaymentToken, key=key)

    async def read_token(self, token_id: str) -> vault_wire.PaymentToken:
        """A payment token; refused with HTTP 404 once its owner has withdrawn the approval."""
        path = f"/v3/vault/payment-tokens/{_id(token_id)}"
        return await self.get("token_read", path, vault_wire.PaymentToken)

    async def list_tokens(self, customer_id: str) -> vault_wire.PaymentTokens:
        """The first payment tokens of a customer of PayPal's vault."""
        path, query = "/v3/vault/payment-tokens", {"customer_id": customer_id}
        return await self.get("token_list", path, vault_wire.PaymentTokens, query)

    async def delete_token(self, token_id: str) -> None:
        """Delete a payment token: no deposit can be taken with it any more."""
        await self.delete("token_delete", f"/v3/vault/payment-tokens/{_id(token_id)}")

    async def get(
        self,
        operation: str,
        path: str,
        kind: type[Reply],
        query: Mapping[str, str | int] | None = None,
    ) -> Reply:
        """Read something."""
        full = f"{path}?{urlencode(query)}" if query else path
        return await self._http.call(Request(operation=operation, method="GET", path=full), kind)

    async def post(
        self,
        operation: str,
        path: str,
        body: Mapping[str, Any] | None,
        kind: type[Reply],
        *,
        key: str | None = None,
    ) -> Reply:
        """Write something under our key; without one only what has no effect."""
        request = Request(
            operation=operation,
            method="POST",
            path=path,
            body=body,
            key=key,
            headers={**_WHOLE, **self._mock(operation)},
        )
        return await self._http.call(request, kind)

    async def post_raw(self, operation: str, path: str, raw: bytes, kind: type[Reply]) -> Reply:
        """Post a JSON text whose exact bytes matter."""
        request = Request(operation=operation, method="POST", path=path, raw=raw)
        return await self._http.call(request, kind)

    async def delete(self, operation: str, path: str) -> None:
        """Delete something; a repeat is refused with HTTP 404."""
        request = Request(operation=operation, method="DELETE", path=path)
        await self._http.call(request, wire.Part)

    def _mock(self, operation: str) -> dict[str, str]:
        issue = self._mocks.get(operation)
        return {MOCK_HEADER: f'{{"mock_application_codes":"{issue}"}}'} if issue else {}


def _id(text: str) -> str:
    """An id of PayPal as one segment of a path."""
    return quote(text, safe="")
