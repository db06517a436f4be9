"""Faults to order: what the caller sees, and whether the money moved."""

import time

import pytest

from tests.support.daraja_twin import DarajaTwin

ANSWERS = [
    ("html_500", 500, None, 0),
    ("html_502", 502, None, 0),
    ("html_503", 503, None, 0),
    ("html_502_after_effect", 502, None, 1),
    ("plain_upstream_error", 503, None, 0),
    ("http_429", 429, None, 0),
    ("spike_arrest", 500, "500.003.02", 0),
    ("system_busy", 500, "500.003.02", 0),
    ("quota", 500, "500.003.03", 0),
    ("internal_error", 500, "500.003.1001", 0),
    ("maintenance", 503, "00.002.1001", 0),
    ("token_invalid", 404, "404.001.03", 0),
]


class TestAnswers:
    @pytest.mark.parametrize(("kind", "status", "code", "movements"), ANSWERS)
    async def test_hit_one_request_only(
        self, twin: DarajaTwin, kind: str, status: int, code: str | None, movements: int
    ) -> None:
        await twin.fault("daraja.stk", kind)
        answer = await twin.push()
        assert answer.status_code == status
        if code is None:
            assert "errorCode" not in answer.text
        else:
            assert answer.json()["errorCode"] == code
        await twin.advance(20)
        assert len(await twin.book()) == movements
        assert (await twin.push()).status_code == 200

    async def test_token_wording_can_be_chosen(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.*", "token_invalid", error_code="401.002.01")
        answer = await twin.push()
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "401.002.01")


class TestConnections:
    @pytest.mark.parametrize(
        ("kind", "movements"),
        [("drop_before", 0), ("drop_after_effect", 1), ("reset_mid_body", 1)],
    )
    async def test_drops(self, twin: DarajaTwin, kind: str, movements: int) -> None:
        await twin.fault("daraja.stk", kind)
        with pytest.raises(ConnectionResetError):
            await twin.push()
        await twin.advance(20)
        assert len(await twin.book()) == movements
        requests = await twin.control("GET", "/requests")
        assert requests["daraja.stk"]["received"] == 1
        assert requests["daraja.stk"]["accepted"] == movements

    @pytest.mark.parametrize("kind", ["delay", "delay_before"])
    async def test_delays(self, twin: DarajaTwin, kind: str) -> None:
        await twin.fault("daraja.stk", kind, delay_s=0.1)
        began = time.monotonic()
        assert (await twin.push()).status_code == 200
        assert time.monotonic() - began > 0.09


class TestRules:
    async def test_match_fields_count_down_and_can_be_listed(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.stk", "html_502", times=2, match={"AccountReference": "B"})
        names = ["A", "B", "B", "B"]
        answers = [(await twin.push(AccountReference=name)).status_code for name in names]
        assert answers == [200, 502, 502, 200]
        assert await twin.control("GET", "/faults") == {"faults": []}

    async def test_can_be_cleared(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.stk", "html_502", times=99)
        await twin.control("DELETE", "/faults")
        assert (await twin.push()).status_code == 200

    async def test_do_not_hide_what_the_phone_does(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.stk", "delay_before")
        answer = await twin.push(PartyA="254712345402")
        assert (answer.status_code, answer.text[:6]) == (500, "<html>")

    async def test_touch_the_named_operation_only(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.stk_query", "html_503")
        checkout_id = await twin.pushed()
        assert (await twin.query(checkout_id)).status_code == 503

    async def test_typing_errors_are_told(self, twin: DarajaTwin) -> None:
        answer = await twin.http.post("/control/faults", json={"operation": "x", "kind": "y"})
        assert answer.status_code == 422


class TestCallbackFaults:
    @pytest.mark.parametrize(
        ("kind", "posts"), [("callback_lost", 0), ("callback_twice", 2), ("callback_late", 0)]
    )
    async def test_of_a_push(self, twin: DarajaTwin, kind: str, posts: int) -> None:
        await twin.fault("daraja.stk", kind)
        await twin.pushed()
        await twin.advance(30)
        assert (len(twin.posts), len(await twin.book())) == (posts, 1)

    async def test_forged_id(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.stk", "callback_forged_id")
        checkout_id = await twin.pushed()
        await twin.advance(20)
        forged, real = twin.stk_posts()
        assert forged["CheckoutRequestID"] != checkout_id == real["CheckoutRequestID"]
        assert forged["CallbackMetadata"]["Item"][0]["Value"] == 100

    async def test_survives_a_request_that_was_refused(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.stk", "callback_lost")
        await twin.push(Amount=0)
        await twin.pushed()
        await twin.advance(20)
        assert twin.posts == []

    async def test_of_status_results(self, twin: DarajaTwin) -> None:
        await twin.fault("daraja.status", "callback_before_answer")
        await twin.status(OriginalConversationID="x")
        assert [result["ResultCode"] for result in twin.results()] == [25]


class TestOutage:
    async def test_of_everything_until_it_ends(self, twin: DarajaTwin) -> None:
        await twin.control("PUT", "/outage", {"mode": "html_503"})
        assert (await twin.push()).status_code == (await twin.oauth()).status_code == 503
        await twin.control("PUT", "/outage", {"mode": "drop_before"})
        with pytest.raises(ConnectionResetError):
            await twin.push()
        await twin.control("PUT", "/outage", {"mode": "off"})
        assert (await twin.push()).status_code == 200
