"""The twin speaks the wire contract of MTN (momodeveloper.mtn.com)."""

import asyncio
import socket

import pytest

from momo_worker.statement import UGANDA
from tests.contract.provider_sandbox.momo.conftest import Caller
from tests.support.eventually import eventually

PATH = "/collection/v1_0/requesttopay"
SANDBOX = {"currency": "EUR", "amount": "5"}


async def ended(caller: Caller, reference: str) -> dict[str, object]:
    """The status of a request once it has ended."""

    async def look() -> object:
        shown = (await caller.call("GET", f"{PATH}/{reference}")).json()
        return shown if shown["status"] in ("SUCCESSFUL", "FAILED") else None

    found: dict[str, object] = await eventually(look, "the end")
    return found


async def test_a_request_to_pay_is_taken_once_and_shown(uganda: Caller) -> None:
    name, taken = await uganda.collect()
    assert (taken.status_code, taken.content) == (202, b"")
    _, again = await uganda.collect(reference=name)
    assert (again.status_code, again.json()["code"]) == (409, "RESOURCE_ALREADY_EXIST")
    open_one = (await uganda.call("GET", f"{PATH}/{name}")).json()
    assert open_one == {
        "amount": "20000", "currency": "UGX", "externalId": "e-1", "payerMessage": "m",
        "payeeNote": "n", "status": "PENDING",
        "payer": {"partyIdType": "MSISDN", "partyId": "256772000777"},
    }  # fmt: skip
    await uganda.pass_time(10)
    paid = await ended(uganda, name)
    assert paid["status"] == "SUCCESSFUL"
    assert str(paid["financialTransactionId"]).isdigit()
    assert "reason" not in paid


@pytest.mark.parametrize(
    ("over", "headers", "status", "code"),
    [
        ({"currency": "EUR"}, {}, 400, "INVALID_CURRENCY"),
        ({"amount": "20000.50"}, {}, 400, None),
        ({"amount": 20000}, {}, 400, None),
        ({"payerMessage": "x" * 160}, {}, 400, None),
        ({}, {"X-Target-Environment": "mtnrwanda"}, 400, "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        ({}, {"X-Callback-Url": "https://elsewhere.example/x"}, 400, "INVALID_CALLBACK_URL_HOST"),
        ({}, {"X-Reference-Id": "00000000-0000-1000-8000-000000000000"}, 400, None),
        ({}, {"Ocp-Apim-Subscription-Key": "other"}, 401, None),
        ({}, {"Authorization": "Bearer other"}, 401, None),
    ],
)
async def test_what_is_refused(
    uganda: Caller, over: dict[str, object], headers: dict[str, str], status: int, code: str | None
) -> None:
    body = {
        "amount": "20000", "currency": "UGX", "externalId": "e-1",
        "payer": {"partyIdType": "MSISDN", "partyId": "256772000777"}, **over,
    }  # fmt: skip
    named = {"X-Reference-Id": "6b3c2c1e-5d53-4c0e-9d0b-0f1f6a4d1a11", **headers}
    answer = await uganda.call("POST", PATH, body, **named)
    assert answer.status_code == status
    if code is not None:
        assert answer.json()["code"] == code


async def test_a_token_needs_a_length_and_belongs_to_a_product(uganda: Caller) -> None:
    host, port = uganda.http.base_url.host, uganda.http.base_url.port
    with socket.create_connection((host, port or 80)) as raw:
        raw.sendall(b"POST /collection/token/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        raw.settimeout(5)
        answer = await asyncio.to_thread(raw.recv, 4096)
    assert answer.startswith(b"HTTP/1.1 411")
    assert b"text/html" in answer
    wrong = await uganda.token(
        "collection", **{"Ocp-Apim-Subscription-Key": uganda.keys["disbursement_subscription_key"]}
    )
    assert wrong.status_code == 401
    good = (await uganda.token("collection")).json()
    assert good["expires_in"] == 3600
    assert good["token_type"] == "access_token"


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        ("46733123450", "FAILED", "INTERNAL_PROCESSING_ERROR"),
        ("46733123451", "FAILED", "APPROVAL_REJECTED"),
        ("46733123452", "FAILED", "EXPIRED"),
        ("46733123453", "PENDING", None),
        ("46733123454", "CREATED", None),
        ("46733123455", "FAILED", "PAYER_NOT_FOUND"),
        ("46733123456", "FAILED", "PAYEE_NOT_ALLOWED_TO_RECEIVE"),
        ("46733123457", "FAILED", "NOT_ALLOWED"),
        ("46733123458", "FAILED", "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        ("46733123459", "FAILED", "INVALID_CALLBACK_URL_HOST"),
        ("46733123460", "FAILED", "INVALID_CURRENCY"),
        ("46733123461", "FAILED", "INTERNAL_PROCESSING_ERROR"),
        ("46733123462", "FAILED", "SERVICE_UNAVAILABLE"),
        ("46733123464", "FAILED", "TRANSFER_TYPE_UNKNOWN"),
        ("56733123453", "SUCCESSFUL", None),  # only the published numbers fail
        ("46733123999", "SUCCESSFUL", None),
    ],
)
async def test_the_published_numbers(
    sandbox: Caller, number: str, status: str, reason: str | None
) -> None:
    name, taken = await sandbox.collect(number, **SANDBOX)
    assert taken.status_code == 202, taken.text
    await sandbox.pass_time(60)
    if status in ("PENDING", "CREATED"):
        shown = (await sandbox.call("GET", f"{PATH}/{name}")).json()
    else:
        shown = await ended(sandbox, name)
    assert (shown["status"], shown.get("reason")) == (status, reason)


async def test_the_sandboxs_users_are_provisioned(sandbox: Caller) -> None:
    user = sandbox.keys["collection_api_user"]
    key = {"Ocp-Apim-Subscription-Key": sandbox.keys["collection_subscription_key"]}
    shown = await sandbox.http.get(f"/v1_0/apiuser/{user}", headers=key)
    assert shown.json() == {"providerCallbackHost": "127.0.0.1", "targetEnvironment": "sandbox"}
    again = await sandbox.http.post(
        "/v1_0/apiuser",
        json={"providerCallbackHost": "127.0.0.1"},
        headers={**key, "X-Reference-Id": user},
    )
    assert again.status_code == 409


async def test_accounts_and_account_holders(uganda: Caller) -> None:
    balance = await uganda.call("GET", "/disbursement/v1_0/account/balance")
    assert balance.json() == {"availableBalance": "100000000", "currency": "UGX"}
    path = "/disbursement/v1_0/accountholder/msisdn/{}/active"
    for number, result in (("256772000777", True), ("256772000457", False)):
        assert (await uganda.call("GET", path.format(number))).json() == {"result": result}


async def test_its_statement_is_what_the_reader_reads(uganda: Caller) -> None:
    name, _ = await uganda.collect()
    await uganda.pass_time(10)
    paid = await ended(uganda, name)
    content = (await uganda.http.get("/control/momo/ug/statement.csv")).content
    (line,) = UGANDA.read(content).lines
    assert (line.external_id, line.gross, line.kind) == (
        paid["financialTransactionId"], 20_000, "payment",
    )  # fmt: skip
    assert line.hints == ("external e-1",)
