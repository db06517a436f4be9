"""Daraja as a small model with a book: pushes, payouts, status queries, reversals.

Requests come through the worker's own HTTP client. The book is the truth that the ledger is held
against: what moved, for which attempt.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from cift_shared.security.callback_token import CallbackTokens
from tests.simulation.loop import Network

Hook = Callable[[str, bytes], None]
"""Hands a provider's posting to the gateway: path and body."""

STK_ENDS = (("0", 12), ("1032", 2), ("1", 2), ("1037", 2), ("2001", 1))
PAYOUT_ENDS = (("0", 12), ("2040", 2), ("1", 1))
REVERSAL_ENDS = (("0", 10), ("1", 1))
LATE_S = (5.0, 3000.0)
"""When a push that nobody answered may be paid after all; see `deposits.LATE_QUERY_WAITS_S`."""
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass
class Order:
    """Something Daraja was asked to do once."""

    attempt: str
    shillings: int
    code: str
    ends_at: float
    callback: str
    phone: str = ""
    ids: tuple[str, str] = ("", "")
    receipt: str = ""
    moved: bool = False
    paid_late: bool = False


class Daraja:
    """One business's account."""

    def __init__(self, network: Network, random: Random, tokens: CallbackTokens, hook: Hook):
        self.network = network
        self.random = random
        self.pushes: dict[str, Order] = {}
        self.payouts: dict[str, Order] = {}
        self.reversals: dict[str, Order] = {}
        self.book: list[tuple[str, int]] = []
        """What moved: attempt and signed cents, from our account's view."""
        self.callbacks_lost = 0.0
        self.callbacks_twice = 0.0
        self.errors = 0.0
        self.busy_until = 0.0
        self._tokens = tokens
        self._hook = hook
        self._count = 0

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and document."""
        if "oauth" in path:
            return 200, {"access_token": "token", "expires_in": "3599"}
        strange = self._strange()
        if strange is not None and strange != "after":
            return strange
        for part, serve in (
            ("stkpushquery", self._query),
            ("stkpush", self._push),
            ("b2c", self._pay_out),
            ("transactionstatus", self._status),
            ("reversal", self._reverse),
        ):
            if part in path:
                answer = serve(body)
                return answer if strange is None else (503, None)
        return 404, _error("404.001.01", "no such path")

    def _strange(self) -> Any:
        """A refusal, or an error that says nothing: before or after the deed."""
        if self.network.loop.time() >= self.network.weather.ends_s:
            return None
        if self.random.random() >= self.errors:
            return None
        return self.random.choice(
            (
                "after",
                (503, None),
                (429, None),
                (500, _error("500.003.02", "Spike arrest violation")),
                (401, _error("404.001.03", "Invalid Access Token")),
                (500, _error("500.001.1001", "System internal error")),
            )
        )

    def _push(self, body: dict[str, Any]) -> tuple[int, Any]:
        if self.random.random() < 0.01:
            return 500, _error("500.001.1001", "Unable to lock subscriber, another is in process")
        checkout, merchant = self._id("ws_CO"), self._id("mr")
        code = self._pick(STK_ENDS)
        order = self._order(body, code, body["CallBackURL"], ids=(merchant, checkout))
        order.phone = str(body["PhoneNumber"])
        self.pushes[checkout] = order
        self._later(order, self._end_push)
        taken = {"MerchantRequestID": merchant, "CheckoutRequestID": checkout}
        return 200, {**taken, "ResponseCode": "0"}

    def _end_push(self, order: Order) -> None:
        self._move(order, +1)
        items = [
            {"Name": "Amount", "Value": order.shillings},
            {"Name": "MpesaReceiptNumber", "Value": order.receipt},
            {"Name": "PhoneNumber", "Value": int(order.phone)},
        ]
        told: dict[str, Any] = {
            "MerchantRequestID": order.ids[0],
            "CheckoutRequestID": order.ids[1],
            "ResultCode": int(order.code),
        }
        if order.moved:
            told["CallbackMetadata"] = {"Item": items}
        if not order.paid_late or self.random.random() < 0.5:
            self._tell(order.callback, {"Body": {"stkCallback": told}})
        if order.code == "1037" and self.random.random() < 0.4:
            self._later(order, self._pay_late, self.random.uniform(*LATE_S))

    def _pay_late(self, order: Order) -> None:
        """The prompt was still on the phone; the callback of this gets lost even in calm."""
        order.code, order.paid_late = "0", True
        self._end_push(order)

    def _query(self, body: dict[str, Any]) -> tuple[int, Any]:
        order = self.pushes.get(body["CheckoutRequestID"])
        slow = self.network.loop.time() < self.network.weather.ends_s and self.random.random() < 0.2
        if order is None or slow or self.network.loop.time() < order.ends_at:
            return 500, _error("500.001.1001", "The transaction is being processed")
        merchant, checkout = order.ids
        ids = {"MerchantRequestID": merchant, "CheckoutRequestID": checkout}
        return 200, {**ids, "ResponseCode": "0", "ResultCode": order.code}

    def _pay_out(self, body: dict[str, Any]) -> tuple[int, Any]:
        key = body["OriginatorConversationID"]
        if key in self.payouts:
            return 500, _error("500.002.1001", "Duplicate OriginatorConversationID")
        order = self._order(
            body, self._pick(PAYOUT_ENDS), body["ResultURL"], ids=(key, self._id("AG"))
        )
        self.payouts[key] = order
        self._later(order, self._end_payout)
        return 200, self._taken(*order.ids)

    def _end_payout(self, order: Order) -> None:
        self._move(order, -1)
        told = {
            "OriginatorConversationID": order.ids[0],
            "ConversationID": order.ids[1],
            "ResultCode": order.code,
            "TransactionID": order.receipt,
        }
        parameters = {"TransactionAmount": order.shillings, "TransactionReceipt": order.receipt}
        self._tell(order.callback, _result(told, parameters if order.moved else {}))

    def _status(self, body: dict[str, Any]) -> tuple[int, Any]:
        # a query by a receipt is about one that a customer made up: nothing is found
        asked, ids = body.get("OriginalConversationID"), (self._id("oc"), self._id("AG"))
        after_s = 1 + 8 * self.random.random()

        def tell() -> None:
            told = {
                "OriginatorConversationID": ids[0],
                "ConversationID": ids[1],
                "ResultCode": "0",
            }
            order = self.payouts.get(asked or "")
            if order is None:
                self._tell(body["ResultURL"], _result({**told, "ResultCode": "25"}, {}))
                return
            is_open = self.network.loop.time() < order.ends_at
            word = "Pending" if is_open else "Completed" if order.moved else "Failed"
            parameters = {
                "OriginatorConversationID": asked,
                "TransactionStatus": word,
                "ReceiptNo": order.receipt,
                "Amount": order.shillings,
            }
            self._tell(body["ResultURL"], _result(told, parameters))

        self.network.loop.call_later(after_s, tell)
        return 200, self._taken(*ids)

    def _reverse(self, body: dict[str, Any]) -> tuple[int, Any]:
        receipt, ids = body["TransactionID"], (self._id("oc"), self._id("AG"))
        known = self.reversals.get(receipt)
        if known is not None:
            told = {"OriginatorConversationID": ids[0], "ConversationID": ids[1]}
            code = "R000001" if known.code == "0" else known.code
            if self.network.loop.time() >= known.ends_at:
                self._tell(body["ResultURL"], _result({**told, "ResultCode": code}, {}))
            return 200, self._taken(*ids)
        order = self._order(body, self._pick(REVERSAL_ENDS), body["ResultURL"], ids=ids)
        self.reversals[receipt] = order

        def end(order: Order) -> None:
            self._move(order, -1)
            told = {
                "OriginatorConversationID": ids[0],
                "ConversationID": ids[1],
                "ResultCode": order.code,
                "TransactionID": order.receipt,
            }
            parameters = {"Amount": order.shillings, "OriginalTransactionID": receipt}
            self._tell(order.callback, _result(told, parameters if order.moved else {}))

        self._later(order, end)
        return 200, self._taken(*ids)

    def _order(
        self, body: dict[str, Any], code: str, callback: str, *, ids: tuple[str, str]
    ) -> Order:
        address = self._tokens.read(callback.rpartition("/")[2])
        assert address is not None
        quick = self.random.random() < 0.1
        takes_s = 0.0 if quick else 2 + 50 * self.random.random()
        return Order(
            attempt=str(address.attempt_id),
            shillings=int(body["Amount"]),
            code=code,
            ends_at=self.network.loop.time() + takes_s,
            callback=callback,
            ids=ids,
            receipt=self._receipt(),
        )

    def _later(self, order: Order, end: Callable[[Order], None], after_s: float = 0.0) -> None:
        at = order.ends_at + after_s
        self.busy_until = max(self.busy_until, at)
        self.network.loop.call_at(at, end, order)

    def _move(self, order: Order, sign: int) -> None:
        if order.code == "0":
            order.moved = True
            self.book.append((order.attempt, sign * order.shillings * 100))
            self.network.trace.note("daraja moves", sign * order.shillings)

    def _tell(self, address: str, document: dict[str, Any]) -> None:
        """Daraja posts once; the way may lose it, repeat it or take its time."""
        calm = self.network.loop.time() >= self.network.weather.ends_s
        if not calm and self.random.random() < self.callbacks_lost:
            return
        raw = json.dumps(document).encode()
        times = 2 if not calm and self.random.random() < self.callbacks_twice else 1
        for _ in range(times):
            late = 0.01 if calm or self.random.random() < 0.6 else 60 * self.random.random()
            self.network.loop.call_later(late, self._hook, address, raw)

    def _pick(self, ends: tuple[tuple[str, int], ...]) -> str:
        codes, weights = zip(*ends, strict=True)
        return str(self.random.choices(codes, weights)[0])

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def _receipt(self) -> str:
        self._count += 1
        return "TK" + "".join(self.random.choices(_ALPHABET, k=7)) + "X"

    @staticmethod
    def _taken(originator: str, conversation: str) -> dict[str, str]:
        ids = {"OriginatorConversationID": originator, "ConversationID": conversation}
        return {**ids, "ResponseCode": "0"}


def _error(code: str, message: str) -> dict[str, str]:
    return {"requestId": "1-2-3", "errorCode": code, "errorMessage": message}


def _result(told: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = {"ResultType": 0, **told}
    if parameters:
        items = [{"Key": key, "Value": value} for key, value in parameters.items()]
        inner["ResultParameters"] = {"ResultParameter": items}
    return {"Result": inner}


class Line(httpx.AsyncBaseTransport):
    """The way from a worker's HTTP client to a model of a provider."""

    def __init__(
        self, network: Network, server: str, serve: Callable[[httpx.Request], httpx.Response]
    ) -> None:
        self._network = network
        self._server = server
        self._serve = serve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._network.call(
            self._server,
            f"{self._server} {request.method} {request.url.path.rsplit('/', 2)[-2]}",
            lambda: self._serve(request),
            _http_error,
        )


def _http_error(how: str) -> BaseException:
    if how == "refused":
        return httpx.ConnectError("refused")
    return httpx.ReadTimeout("no answer")


def as_sent(status: int, raw: bytes, **headers: str) -> httpx.Response:
    """An answer whose body is still to be read, as from a socket."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(raw))


def serve_daraja(daraja: Daraja) -> Callable[[httpx.Request], httpx.Response]:
    """Requests as Daraja's model takes them."""

    def serve(request: httpx.Request) -> httpx.Response:
        status, document = daraja.answer(
            request.url.path, json.loads(request.content) if request.content else {}
        )
        raw = b"<html>" if document is None else json.dumps(document).encode()
        return as_sent(status, raw)

    return serve
