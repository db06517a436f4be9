"""The twin as a process: real sockets, and ``kill -9`` with events to come."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.contract.provider_sandbox.test_process import Process, free_port, receiver, wait_until
from tests.support.paypal_spec import Checker
from tests.support.paypal_twin import CLIENT_ID, CLIENT_SECRET, order_body

ORDERS = "/v2/checkout/orders"


@pytest.fixture
def folder(keys: Path, paypal_keys: Path, tmp_path: Path) -> Path:
    for file in (*keys.glob("*.pem"), *paypal_keys.glob("*.pem")):
        shutil.copy(file, tmp_path)
    return tmp_path


@contextmanager
def running(
    folder: Path, port: int, hook: str, end: signal.Signals = signal.SIGTERM, **more: str
) -> Iterator[Process]:
    twin = Process(
        folder,
        port,
        PAYPAL_CLIENT_ID=CLIENT_ID,
        PAYPAL_CLIENT_SECRET=CLIENT_SECRET,
        PAYPAL_WEBHOOK_URL=hook,
        **more,
    )
    try:
        form = {"grant_type": "client_credentials"}
        answer = twin.http.post("/v1/oauth2/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET))
        twin.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield twin
    finally:
        twin.end(end)


def ask(twin: Process, path: str, body: object, key: str) -> httpx.Response:
    return twin.http.post(path, json=body, headers={"PayPal-Request-Id": key})


def paid(twin: Process, key: str) -> httpx.Response:
    """Order, click on the page behind the order's link if there still is one, capture."""
    order = ask(twin, ORDERS, order_body(), f"{key}:order").json()
    for link in order["links"]:
        if link["rel"] == "payer-action":
            page = twin.http.post(link["href"], data={"outcome": "approve"})
            assert page.status_code == 303
    return ask(twin, f"{ORDERS}/{order['id']}/capture", {}, key)


def test_a_lost_answer_over_real_sockets(folder: Path) -> None:
    with receiver() as (address, got):
        port = free_port()
        with running(folder, port, f"{address}/webhooks/paypal", SPEED="50") as twin:
            order = {"operation": "paypal.orders.capture", "kind": "drop_after_effect"}
            twin.http.post("/control/faults", json=order)
            with pytest.raises(httpx.RemoteProtocolError):
                paid(twin, "p1")
            assert paid(twin, "p1").status_code == 200
            wait_until(lambda: "PAYMENT.CAPTURE.COMPLETED" in {row["event_type"] for row in got})
            assert len(twin.http.get("/control/book").json()["entries"]) == 1
    checker = Checker()
    for event in got:
        checker.event(event)


def test_kill_9_loses_neither_payment_nor_request_id_nor_event(folder: Path) -> None:
    with receiver() as (address, got):
        port = free_port()
        hook = f"{address}/webhooks/paypal"
        with running(folder, port, hook, end=signal.SIGKILL, CALLBACK_LAG_S="600") as twin:
            first = paid(twin, "p1")
            root = twin.http.get("/control/paypal/root-certificate").content
        assert (first.status_code, got) == (201, [])
        with running(folder, port, hook) as twin:
            again = paid(twin, "p1")
            assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
            twin.http.post("/control/clock", json={"advance_s": 700})
            wait_until(lambda: len(got) == 2)
            assert twin.http.get("/control/paypal/root-certificate").content == root
            assert len(twin.http.get("/control/book").json()["entries"]) == 1
