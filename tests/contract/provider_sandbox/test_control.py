"""The control API: book, requests, settings, clock, reset."""

from datetime import datetime

import pytest

from tests.support.daraja_twin import PHONE, DarajaTwin, OpenTwin


class TestBook:
    async def test_equals_what_the_callbacks_told(self, twin: DarajaTwin) -> None:
        for number in range(20):
            await twin.pushed(
                Amount=number + 1,
                AccountReference=f"R{number}",
                PartyA=f"2547120{number:02d}{'032' if number % 4 == 0 else '555'}",
            )
        await twin.advance(30)
        told = {
            items[1]["Value"]: items[0]["Value"]
            for post in twin.stk_posts()
            if (items := post.get("CallbackMetadata", {}).get("Item"))
        }
        book = await twin.book()
        assert {entry["receipt"]: int(entry["amount"]) for entry in book} == told
        assert len(book) == 15
        accounts = await twin.control("GET", "/daraja/accounts")
        assert accounts["paybill"] == f"{sum(told.values()):.2f}"

    async def test_entry_of_a_push_and_since(self, twin: DarajaTwin) -> None:
        checkout_id = await twin.pushed()
        await twin.advance(20)
        [entry] = await twin.book()
        assert datetime.fromisoformat(entry["at"]).utcoffset() is not None
        assert (entry["provider"], entry["kind"], entry["msisdn"]) == ("daraja", "stk", PHONE)
        assert entry["provider_ids"]["CheckoutRequestID"] == checkout_id
        assert entry["caller_refs"] == {"AccountReference": "CIFT1"}
        assert entry["callback_url"] == "http://127.0.0.1:9/hooks/a"
        assert await twin.book(since=entry["seq"]) == []


class TestRequests:
    async def test_counts_every_push_by_reference_and_address(self, open_twin: OpenTwin) -> None:
        async with open_twin(lock_s=60) as twin:
            await twin.push()
            await twin.push()
            await twin.push(AccountReference="OTHER", CallBackURL="http://127.0.0.1:9/hooks/b")
            counts = (await twin.control("GET", "/requests"))["daraja.stk"]
            assert (counts["received"], counts["accepted"]) == (3, 1)
            assert counts["by_reference"] == {"CIFT1": 2, "OTHER": 1}
            assert counts["by_callback_url"]["http://127.0.0.1:9/hooks/b"] == 1
            assert counts["accepted_by_reference"] == {"CIFT1": 1}
            assert counts["accepted_by_callback_url"] == {"http://127.0.0.1:9/hooks/a": 1}
            twice = (await twin.control("GET", "/requests?at_least=2"))["daraja.stk"]
            assert twice["by_reference"] == {"CIFT1": 2}


class TestSettings:
    async def test_are_shown_without_secrets(self, twin: DarajaTwin) -> None:
        shown = await twin.control("GET", "/settings")
        assert shown["short_code"] == "174379"
        assert not {"consumer_secret", "passkey", "initiator_password"} & shown.keys()

    @pytest.mark.parametrize(
        "patch", [{"http_port": 1}, {"no_such": 1}, {"query_noise": 2}, {"speed": 0}]
    )
    async def test_refuse_what_cannot_be(self, twin: DarajaTwin, patch: dict[str, int]) -> None:
        answer = await twin.http.patch("/control/settings", json=patch)
        assert answer.status_code == 422


class TestClock:
    async def test_another_speed_brings_planned_events_nearer(self, twin: DarajaTwin) -> None:
        await twin.pushed()
        await twin.control("POST", "/clock", {"speed": 1000})
        for _ in range(100):
            await twin.settle()
            if twin.posts:
                break
        assert len(twin.posts) == 1

    async def test_pending_shows_what_is_to_come(self, twin: DarajaTwin) -> None:
        await twin.pushed()
        pending = await twin.control("GET", "/pending")
        assert pending == {"agenda": {"daraja.stk.decide": 1}, "overdue": 0, "callbacks": {}}


class TestReset:
    async def test_forgets_everything_and_goes_on(self, twin: DarajaTwin) -> None:
        await twin.pushed()
        await twin.advance(20)
        await twin.pushed()
        await twin.control("POST", "/reset")
        assert (await twin.book(), await twin.control("GET", "/requests")) == ([], {})
        assert await twin.control("GET", "/pending") == {
            "agenda": {},
            "overdue": 0,
            "callbacks": {},
        }
        assert (await twin.push()).status_code == 404
        await twin.sign_in()
        await twin.pushed()
        await twin.advance(20)
        assert len(await twin.book()) == 1
