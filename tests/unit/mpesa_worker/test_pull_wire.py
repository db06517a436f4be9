"""Rows of the records in every shape they were seen in, and in some they were not."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from cift_shared.errors import OutcomeUnknown, PaymentProcessorError, ProviderRejectedRequest
from cift_shared.http.untrusted_json import read_object
from cift_shared.money.amount import Money
from mpesa_worker import pull_wire
from mpesa_worker.client import DarajaClient
from mpesa_worker.pull_wire import PullQuery, PullRegistration
from mpesa_worker.token_store import MemoryTokens
from tests.support import mpesa
from tests.support.mpesa import ROW, pulled

QUERY = PullQuery(short_code="174379", since="a", until="b", offset="0")
REGISTRATION = PullRegistration(
    short_code="174379", number=mpesa.PHONE, callback_url="https://pay.example.com/x"
)
HUNDRED = Money(100_00, "KES")


@pytest.fixture
def client(script: mpesa.Script, clock: mpesa.FakeClock) -> DarajaClient:
    transport = httpx.MockTransport(script)
    return DarajaClient(mpesa.config(), MemoryTokens(clock), clock, transport=transport)


class TestRegistration:
    @pytest.mark.parametrize(
        "answer",
        [
            {"ResponseStatus": "1000"},
            {"ResponseStatus": 1001},
            {"Response Status": "1000"},
            {"responsestatus": " 1001 "},
        ],
    )
    async def test_done_now_or_before(
        self, answer: Any, client: DarajaClient, script: mpesa.Script
    ) -> None:
        script.on("pulltransactions/v1/register", answer)
        await client.register_pull(REGISTRATION)
        [sent] = script.sent("register")
        assert (sent["RequestType"], sent["NominatedNumber"]) == ("Pull", mpesa.PHONE)

    @pytest.mark.parametrize("answer", [{}, {"ResponseStatus": "1002"}, {"ResponseStatus": None}])
    async def test_anything_else_is_not_registered(
        self, answer: Any, client: DarajaClient, script: mpesa.Script
    ) -> None:
        script.on("pulltransactions/v1/register", answer)
        with pytest.raises(OutcomeUnknown):
            await client.register_pull(REGISTRATION)

    async def test_an_app_that_may_not(self, client: DarajaClient, script: mpesa.Script) -> None:
        refused = mpesa.error("401.001", "Unauthorized", status=401)
        script.on("pulltransactions/v1/register", refused)
        with pytest.raises(ProviderRejectedRequest) as told:
            await client.register_pull(REGISTRATION)
        assert told.value.code == "provider_setup_wrong"


class TestRows:
    async def test_the_documented_shape(self, client: DarajaClient, script: mpesa.Script) -> None:
        script.on("pulltransactions/v1/query", pulled(ROW))
        [row] = await client.pull(QUERY)
        assert (row.receipt, row.reference, row.amount) == (mpesa.RECEIPT, "ABCDEFGHIJKL", HUNDRED)
        assert row.at == datetime(2026, 1, 5, 9, 0, 17, tzinfo=UTC)
        assert script.sent("query")[0]["OffSetValue"] == "0"

    @pytest.mark.parametrize(
        "found", [[ROW], [[ROW]], [[[ROW]]], [[], [ROW]], [[ROW], []]], ids=str
    )
    async def test_lists_in_lists(
        self, found: Any, client: DarajaClient, script: mpesa.Script
    ) -> None:
        script.on("pulltransactions/v1/query", {"ResponseCode": "1000", "Response": found})
        assert len(await client.pull(QUERY)) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            pulled(),
            {"ResponseCode": "1001", "Response": [[]]},
            {"ResponseCode": 1001, "Response": []},
            mpesa.error("500.001.1001", "short code does not have any available transactions"),
            httpx.Response(
                500, json={"ResponseMessage": "Short Code does not have any available Transactions"}
            ),
        ],
    )
    async def test_none(self, answer: Any, client: DarajaClient, script: mpesa.Script) -> None:
        script.on("pulltransactions/v1/query", answer)
        assert await client.pull(QUERY) == []

    @pytest.mark.parametrize(
        "answer",
        [
            {"ResponseCode": "1000"},
            {"ResponseCode": "1000", "Response": "none"},
            {"ResponseCode": "1000", "Response": {}},
            {"ResponseCode": "1000", "Response": None},
            {"ResponseCode": "1002", "Response": [[]]},
            mpesa.error("500.001.1001", "Internal error"),
            httpx.Response(502, content=b"<html>"),
            httpx.Response(200, content=b'{"ResponseCode": "1000", "Response": [['),
        ],
    )
    async def test_what_is_no_whole_answer_says_nothing(
        self, answer: Any, client: DarajaClient, script: mpesa.Script
    ) -> None:
        script.on("pulltransactions/v1/query", answer)
        with pytest.raises(PaymentProcessorError):
            await client.pull(QUERY)

    @pytest.mark.parametrize(
        "shown",
        [{"amount": "100"}, {"amount": 100}, {"amount": "100.0"}, {"amount": " 100.00 "}],
        ids=str,
    )
    def test_amounts_as_they_are_written(self, shown: dict[str, Any]) -> None:
        assert pull_wire.read_row({**ROW, **shown}).amount == HUNDRED

    def test_keys_in_any_case_with_blanks(self) -> None:
        shouted = {f" {key.upper()} ": value for key, value in ROW.items()}
        assert pull_wire.read_row(shouted).reference == "ABCDEFGHIJKL"

    @pytest.mark.parametrize(
        "value", [None, "", "  ", True, [], {}, 1.5, "x" * 201, ["ABCDEFGHIJKL"]], ids=repr
    )
    def test_a_row_without_account_names_none(self, value: object) -> None:
        assert pull_wire.read_row({**ROW, "billreference": value}).reference is None

    @pytest.mark.parametrize("row", [None, 7, "text", [], {}], ids=repr)
    def test_what_is_no_row_is_a_row_without_account(self, row: object) -> None:
        assert pull_wire.read_row(row).reference is None

    @pytest.mark.parametrize(
        ("written", "at"),
        [
            ("2026-01-05T09:00:17Z", datetime(2026, 1, 5, 9, 0, 17, tzinfo=UTC)),
            ("2026-01-05 12:00:17", datetime(2026, 1, 5, 9, 0, 17, tzinfo=UTC)),
            ("20260105120017", datetime(2026, 1, 5, 9, 0, 17, tzinfo=UTC)),
            ("soon", None),
            (None, None),
        ],
    )
    def test_times(self, written: object, at: datetime | None) -> None:
        assert pull_wire.time_of_row(written) == at

    def test_a_moment_is_nairobis(self) -> None:
        at = datetime(2026, 1, 5, 22, 30, 1, 900_000, tzinfo=timezone(timedelta(hours=1)))
        assert pull_wire.pull_moment(at) == "2026-01-06 00:30:01"

    def test_a_hint_has_nothing_personal_and_reads_as_its_row(self) -> None:
        row = pull_wire.read_row({**ROW, "msisdn": int(mpesa.PHONE), "sender": "JANE"})
        body = pull_wire.hint_body(row)
        assert mpesa.PHONE.encode() not in body
        assert b"JANE" not in body
        again = pull_wire.read_row(read_object(body))
        assert (again.receipt, again.reference, again.amount, again.at) == (
            row.receipt, row.reference, row.amount, row.at,
        )  # fmt: skip
