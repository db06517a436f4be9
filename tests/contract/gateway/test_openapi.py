"""The API does what its description says, whatever is sent: no server error, no surprise."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cift_local.waiting import run_in_thread
from gateway.app import create_app
from tests.support.gateway import settings_for
from tests.support.postgres import PgServer
from tests.support.served import CUSTOMER, DISPUTE, Served, serving

pytestmark = pytest.mark.integration

CASES_PER_ROUTE = 25
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT = create_app(settings_for("postgresql://nowhere/none")).openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def served(pg_server: PgServer, database_template: str) -> Iterator[Served]:
    name = run_in_thread(pg_server.create("cift_contract", template=database_template))
    with _serving(pg_server.address(name)) as served:
        yield served
    run_in_thread(pg_server.drop(name))


@contextmanager
def _serving(dsn: str) -> Iterator[Served]:
    """Serve from a thread with a loop of its own: the cases are sent by blocking clients."""
    found: list[Served] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(dsn) as known:
            found.append(known)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        stop.set()
        thread.join(20)


@SCHEMA.parametrize()
@settings(
    max_examples=CASES_PER_ROUTE,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
def test_each_operation_answers_as_described(case: Any, served: Served) -> None:
    _aim(case, served)
    case.call_and_validate(
        base_url=served.base_url,
        headers={"Authorization": served.authorization},
        checks=CHECKS,
        timeout=10,
    )


def _aim(case: Any, served: Served) -> None:
    """Let every other request ask for something that exists."""
    known = {
        "payment_id": served.payment_id,
        "method_id": served.method_id,
        "customer_id": CUSTOMER,
        "dispute_id": DISPUTE,
    }
    for name, value in known.items():
        given = (case.path_parameters or {}).get(name)
        if given is not None and len(str(given)) % 2 == 0:
            case.path_parameters[name] = value
    if case.method == "DELETE":
        case.path_parameters["method_id"] = served.payment_id
    for name in ("Prefer", "prefer"):
        (case.headers or {}).pop(name, None)
    if case.path == "/api/v1/payment-methods" and case.method == "POST":
        case.headers = {
            **(case.headers or {}),
            "Prefer": "wait=0",
        }  # there is no worker to wait for


def test_every_operation_describes_its_refusals() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for verb, operation in operations.items():
            assert operation["description"], (verb, path)
            refusals = [status for status in operation["responses"] if int(status) >= 400]
            assert {"500", "503"} <= set(refusals)
            if operation["x-scopes"]:
                assert {"401", "403"} <= set(refusals)
                assert operation["security"] == [{"api_key": []}]
            for status in refusals:
                assert "application/problem+json" in operation["responses"][status]["content"]
