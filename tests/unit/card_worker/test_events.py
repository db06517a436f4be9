"""What is read of a Stripe event, and that no body is a surprise."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_method.events import StripeEvent, read_event
from cift_shared.rails.webhooks import WebhookRefused


def event(**fields: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
        **fields,
    }


def read(document: Any, *, livemode: bool = False) -> StripeEvent:
    return read_event(json.dumps(document).encode(), livemode=livemode)


@pytest.mark.parametrize(
    ("thing", "subject"),
    [
        ({"id": "pi_1"}, "pi_1"),
        ({"id": "seti_1"}, "seti_1"),
        ({"id": "re_1", "payment_intent": "pi_1"}, "pi_1"),
        ({"id": "dp_1", "payment_intent": {"id": "pi_1"}}, "pi_1"),
        ({"id": "ch_1", "payment_intent": None}, "ch_1"),
        ({"id": "ch_1", "payment_intent": 7}, "ch_1"),
        ({"payment_intent": "pi_1"}, "pi_1"),
    ],
)
def test_an_event_is_about_its_payment_intent_or_else_its_object(
    thing: dict[str, Any], subject: str
) -> None:
    assert read(event(data={"object": thing})).subject == subject


@pytest.mark.parametrize(
    "document",
    [None, [], "evt_1", 7, {}, event(id=None), event(id=1), event(id=""), event(id="a b"),
     event(id="x" * 256), event(type=None), event(data=None), event(data=[]),
     event(data={"object": None}), event(data={"object": {"id": 1}}),
     event(data={"object": {"id": "a\0b"}}), event(livemode=None), event(livemode="false"),
     event(livemode=0),
     {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
      "livemode": False, "related_object": {"id": "x"}}],
)  # fmt: skip
def test_a_document_that_is_no_event_is_refused(document: Any) -> None:
    with pytest.raises(WebhookRefused) as refused:
        read(document)
    assert refused.value.code == "webhook_event_invalid"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 100_000, b"1" * 5000, b"nope"]
)
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused) as refused:
        read_event(body, livemode=False)
    assert refused.value.code == "webhook_event_invalid"


def test_an_event_of_the_other_mode_is_refused() -> None:
    for livemode in (True, False):
        with pytest.raises(WebhookRefused) as refused:
            read(event(livemode=not livemode), livemode=livemode)
        assert refused.value.code == "webhook_mode_mismatch"
        assert read(event(livemode=livemode), livemode=livemode).event_id == "evt_1"


def outcome(body: bytes) -> StripeEvent | str:
    """The event, or the code of the refusal."""
    try:
        return read_event(body, livemode=False)
    except WebhookRefused as refused:
        return refused.code


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    assert outcome(body) == "webhook_event_invalid"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": JSON,
            "object": JSON | st.just("v2.core.event"),
            "type": JSON,
            "livemode": JSON,
            "data": JSON | st.fixed_dictionaries({"object": JSON}),
        },
    )
)
def test_any_document_is_refused_or_read(changes: dict[str, Any]) -> None:
    found = outcome(json.dumps(event(**changes)).encode())
    if isinstance(found, StripeEvent):
        assert found.event_id
        assert found.subject
    else:
        assert found in ("webhook_event_invalid", "webhook_mode_mismatch")
