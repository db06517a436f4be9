"""Which attempt an event is about; whatever a body holds, nothing is raised."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_worker import wire
from card_worker.domain import ATTEMPT_NAME
from card_worker.notices import find_attempt
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.commands import IDS


def found(kind: str, thing) -> object:
    return find(json.dumps(cards.event(kind, thing)).encode())


def find(body: bytes) -> object:
    event = wire.Event.read(body)
    return find_attempt(event, lambda text: f"#{text}") if event else None


def test_our_metadata_names_the_attempt() -> None:
    attempt_id = IDS.new_id()
    metadata = {ATTEMPT_NAME: str(attempt_id)}
    for kind, thing in (
        ("payment_intent.succeeded", cards.intent(metadata=metadata)),
        ("refund.updated", cards.refund_object(metadata=metadata)),
        ("charge.updated", cards.charge(metadata=metadata)),
    ):
        assert found(kind, thing) == attempt_id


@pytest.mark.parametrize(
    ("kind", "thing", "reference"),
    [
        ("payment_intent.succeeded", cards.intent(), cards.INTENT),
        ("charge.updated", cards.charge(), cards.INTENT),
        ("charge.dispute.created", cards.dispute_object(), cards.INTENT),
        ("refund.failed", cards.refund_object(), "re_1"),
        ("setup_intent.succeeded", {"id": "seti_1", "object": "setup_intent"}, "seti_1"),
        ("charge.updated", cards.charge(payment_intent={"id": "pi_x"}), "pi_x"),
        ("payment_intent.created", cards.intent(metadata={ATTEMPT_NAME: "?"}), cards.INTENT),
    ],
)
def test_without_it_the_objects_reference_does(kind, thing, reference) -> None:
    assert found(kind, thing) == f"#{reference}"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'{"id":"evt_1","type":"x","data":{"object":[]}}',
     b'{"id":"evt_1","type":"x","data":{"object":{"object":"payout"}}}'],
)  # fmt: skip
def test_what_is_about_no_payment_finds_none(body) -> None:
    assert find(body) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
        max_leaves=20,
    )
)
def test_no_body_raises(thing) -> None:
    body = json.dumps({"id": "evt_1", "type": "x", "data": {"object": thing}}).encode()
    find(body)


def test_events_of_a_kind_we_never_asked_for_are_counted() -> None:
    processor = cards.processor(cards.Script(), FakeClock())
    before = UNKNOWN_WORDS.labels("stripe")._value.get()
    for kind in ("payout.paid", "payment_intent.succeeded", "brand.new"):
        body = json.dumps(cards.event(kind, {"object": "payout"})).encode()
        assert processor.read_fingerprint(body) is None
    assert processor.read_fingerprint(b"no event") is None
    assert UNKNOWN_WORDS.labels("stripe")._value.get() == before + 3
