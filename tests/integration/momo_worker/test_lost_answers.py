"""An answer that is lost, late, repeated or forged moves no money twice, and credits none."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cift_shared.attempts.store import attempt_id_of
from cift_shared.messaging.messages import ProviderNotice
from momo_method.calls import Call, purpose
from tests.integration.momo_worker.harness import MomoHarness
from tests.support import momo
from tests.support.commands import VAULT
from tests.support.deaths import Deaths

_MOVES = {"deposit": momo.deposit, "withdrawal": momo.withdrawal}
_KINDS = {"deposit": "collection", "withdrawal": "transfer"}


@pytest.mark.parametrize("kind", ["deposit", "withdrawal"])
@pytest.mark.parametrize(
    "fault", ["drop_after_effect", "html_502_after_effect", "reset_mid_body", "internal_error"]
)
async def test_a_lost_answer_is_sent_again_under_the_same_id(
    uganda: MomoHarness, kind: str, fault: str
) -> None:
    await uganda.fault(_KINDS[kind], fault)
    command = _MOVES[kind]()
    await uganda.send(command)
    await uganda.reach(command.payment_id, "settled")
    assert await uganda.moved(command.payment_id) == [(_KINDS[kind], "20000")]
    counted = (await uganda.control("GET", "/requests"))[f"momo.{_KINDS[kind]}"]
    assert counted["accepted_by_reference"] == {str(attempt_id_of(command.payment_id)): 1}


@pytest.mark.parametrize("ending", ["401", "402", "403", "404", "429"])
async def test_phones_whose_answers_get_lost(uganda: MomoHarness, ending: str) -> None:
    command = momo.deposit(ending=ending)
    await uganda.send(command)
    await uganda.reach(command.payment_id, "settled")
    assert await uganda.moved(command.payment_id) == [("collection", "20000")]


@pytest.mark.parametrize(
    "place", ["worker.before_call", "momo.after_reserve", "momo.before_request",
              "momo.after_request", "worker.after_call", "momo.before_token_commit"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["deposit", "withdrawal"])
async def test_a_death_anywhere_moves_the_money_once(
    uganda: MomoHarness, deaths: Deaths, place: str, kind: str
) -> None:
    deaths.at(place)
    command = _MOVES[kind]()
    await uganda.send(command)
    await deaths.have_met(place)
    await uganda.restart()
    await uganda.reach(command.payment_id, "settled")
    assert await uganda.moved(command.payment_id) == [(_KINDS[kind], "20000")]


async def test_what_is_not_visible_yet_is_unknown_and_not_failed(uganda: MomoHarness) -> None:
    await uganda.control("PATCH", "/settings", {"momo_hidden_s": 500})
    command = momo.deposit()
    await uganda.send(command)
    await uganda.reach(command.payment_id, "action_required")
    await uganda.rest(command.payment_id, 3)
    assert await uganda.kinds(command.payment_id) == ["action_required"]
    await uganda.reach(command.payment_id, "settled")
    assert await uganda.moved(command.payment_id) == [("collection", "20000")]


async def test_what_mtn_never_got_is_sent_again_under_the_same_id(uganda: MomoHarness) -> None:
    """The answer says accepted, but MTN has nothing: after minutes of 404 it is sent again."""
    command = momo.withdrawal()
    await uganda.control("PATCH", "/settings", {"momo_payout_s": 100_000})
    await uganda.send(command)
    await uganda.reach(command.payment_id, "submitted")
    first = await uganda.sent(command.payment_id)
    assert first is not None
    # the twin forgets it, as an MTN whose queue was lost would
    await uganda.control("POST", "/reset", {})
    await uganda.control("PATCH", "/settings", {"momo_payout_s": 4})
    uganda.clock.advance(timedelta(minutes=3))
    await uganda.reach(command.payment_id, "settled")
    again = await uganda.sent(command.payment_id)
    assert again is not None
    assert again["reference_id"] == first["reference_id"]
    assert again["times"] > first["times"]
    assert await uganda.moved(command.payment_id) == [("transfer", "20000")]


async def test_an_outage_of_mtn_loses_nothing(uganda: MomoHarness) -> None:
    await uganda.fault("*", "html_503", times=12)
    commands = [momo.deposit(), momo.withdrawal()]
    await uganda.send(*commands)
    for command in commands:
        await uganda.reach(command.payment_id, "settled")
        assert len(await uganda.moved(command.payment_id)) == 1


async def test_a_token_that_mtn_refuses_is_renewed_before_the_request_is_sent_again(
    harness: MomoHarness,
) -> None:
    first, second = momo.deposit(harness.country), momo.deposit(harness.country)
    await harness.send(first)
    await harness.reach(first.payment_id, "settled")
    await harness.control("POST", "/momo/tokens/expire")
    await harness.send(second)
    await harness.reach(second.payment_id, "settled")
    assert await harness.moved(second.payment_id) == [("collection", "20000")]
    stored = await harness.pool.fetch(f"select sealed from {harness.rail}.access_token")
    assert len(stored) == 1


async def test_the_processes_share_tokens_and_products_have_their_own(
    uganda: MomoHarness,
) -> None:
    commands = [momo.deposit(), momo.withdrawal()]
    await uganda.send(*commands)
    for command in commands:
        await uganda.reach(command.payment_id, "settled")
    await uganda.restart()
    command = momo.deposit()
    await uganda.send(command)
    await uganda.reach(command.payment_id, "settled")
    assert len(await uganda.pool.fetch("select app from momo_ug.access_token")) == 2


async def _told(harness: MomoHarness, payment_id: object, body: dict[str, object]) -> None:
    """A notice on the attempt's own path, whoever posted it."""
    attempt_id = attempt_id_of(payment_id)
    content = ProviderNotice(
        notice_id=VAULT.fingerprint(json.dumps(body).encode(), context="notice"),
        provider="mtn_momo",
        attempt_id=attempt_id,
        purpose=purpose(harness.country, Call.COLLECTION),
        sealed_body=VAULT.seal(json.dumps(body).encode(), context="notice"),
        source_listed=False,
        received_at=datetime.now(UTC),
    )
    await harness.store.store_notices([content], [None])
    harness.engine.poll.wake()


@pytest.mark.parametrize("ending", ["453", "451", "099"])
async def test_a_forged_callback_credits_nothing(uganda: MomoHarness, ending: str) -> None:
    command = momo.deposit(ending=ending)
    await uganda.send(command)
    await uganda.reach(command.payment_id, "action_required")
    forged = {"status": "SUCCESSFUL", "amount": "20000", "currency": "UGX",
              "externalId": str(attempt_id_of(command.payment_id)),
              "financialTransactionId": "1"}  # fmt: skip
    await _told(uganda, command.payment_id, forged)
    await uganda.rest(command.payment_id, 2)
    assert "settled" not in await uganda.kinds(command.payment_id)
    assert "momo_ug.notice.read" in await uganda.steps(command.payment_id)
    assert await uganda.moved(command.payment_id) == []


async def test_late_and_repeated_callbacks_change_nothing(uganda: MomoHarness) -> None:
    command = momo.deposit()
    await uganda.send(command)
    await uganda.reach(command.payment_id, "settled")
    for number in range(3):
        await _told(uganda, command.payment_id, {"status": "FAILED", "n": number})
    await uganda.rest(command.payment_id, 1)
    assert await uganda.kinds(command.payment_id) == ["action_required", "settled"]


async def test_a_refund_of_more_than_is_left_is_refused_by_mtn_once(uganda: MomoHarness) -> None:
    paid = momo.deposit()
    await uganda.send(paid)
    await uganda.reach(paid.payment_id, "settled")
    whole, more = momo.refund(paid, units=20_000), momo.refund(paid, units=1)
    await uganda.send(whole)
    await uganda.reach(whole.payment_id, "settled")
    await uganda.send(more)
    ended = await uganda.reach(more.payment_id, "declined")
    assert ended.failure is not None
    assert ended.failure.code == "provider_setup_wrong"


async def test_the_float_is_read_and_a_low_one_reported(harness: MomoHarness) -> None:
    (balance,) = await harness.processor.get_float()
    assert balance.currency == harness.country.currency
    short = harness.country.code.lower()
    await harness.control("PUT", f"/momo/accounts/{short}/disbursement", {"units": 1_000})
    (balance,) = await harness.processor.get_float()
    assert balance.minor == 1_000
    command = momo.withdrawal(harness.country)
    await harness.send(command)
    ended = await harness.reach(command.payment_id, "declined")
    assert ended.failure is not None
    assert ended.failure.code == "provider_float_insufficient"
