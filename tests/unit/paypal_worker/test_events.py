"""Which payment an event is about; no field of any type or size breaks the reader."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paypal_method.events import KNOWN, Event, read_event
from tests.hostile.mutations import RAW, hostile_documents
from tests.support.paypal_signing import EVENT

OURS = "0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a01"
OTHER = "0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a02"
CAPTURE_LINK = {
    "rel": "up",
    "href": "https://api.paypal.com/v2/payments/captures/42311647XV020574X",
}


def event(kind: str, resource: Any) -> Event:
    found = read_event(
        json.dumps({"id": "WH-1", "event_type": kind, "resource": resource}).encode()
    )
    assert found is not None
    return found


RESOURCES: list[tuple[str, Any]] = [
    ("CHECKOUT.ORDER.APPROVED", {"id": "O1", "purchase_units": [{"custom_id": OURS}]}),
    ("CHECKOUT.ORDER.COMPLETED", {"id": "O1", "purchase_units": [{"custom_id": OURS}]}),
    (
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
        {"order_id": "O1", "purchase_units": [{"custom_id": OURS}]},
    ),
    *(
        (
            f"PAYMENT.CAPTURE.{word}",
            {
                "id": "C1",
                "custom_id": OURS,
                "supplementary_data": {"related_ids": {"order_id": "O1"}},
            },
        )
        for word in ("COMPLETED", "DENIED", "DECLINED", "PENDING")
    ),
    ("PAYMENT.CAPTURE.REFUNDED", {"id": "R1", "custom_id": OURS, "links": [CAPTURE_LINK]}),
    ("PAYMENT.CAPTURE.REVERSED", {"id": "R1", "custom_id": OURS, "links": [CAPTURE_LINK]}),
    ("PAYMENT.REFUND.PENDING", {"id": "R1", "custom_id": OURS}),
    ("PAYMENT.REFUND.FAILED", {"id": "R1", "custom_id": OURS}),
    *(
        (f"PAYMENT.PAYOUTS-ITEM.{word}", {"payout_item": {"sender_item_id": OURS}})
        for word in (
            "SUCCEEDED",
            "FAILED",
            "DENIED",
            "UNCLAIMED",
            "RETURNED",
            "HELD",
            "BLOCKED",
            "REFUNDED",
            "CANCELED",
        )
    ),
    *(
        (
            f"PAYMENT.PAYOUTSBATCH.{word}",
            {"batch_header": {"sender_batch_header": {"sender_batch_id": OURS}}},
        )
        for word in ("PROCESSING", "SUCCESS", "DENIED")
    ),
    *(
        (
            f"CUSTOMER.DISPUTE.{word}",
            {"disputed_transactions": [{"custom": OURS, "seller_transaction_id": "C1"}]},
        )
        for word in ("CREATED", "UPDATED", "RESOLVED")
    ),
]


@pytest.mark.parametrize(("kind", "resource"), RESOURCES, ids=[kind for kind, _ in RESOURCES])
def test_every_type_names_our_attempt(kind: str, resource: Any) -> None:
    found = event(kind, resource)
    assert found.is_known
    assert found.references.attempts == (UUID(OURS),)
    assert found.references.first == OURS


def test_every_type_that_we_know_is_tested() -> None:
    tested = {kind for kind, _ in RESOURCES}
    assert sorted(kind for kind in KNOWN - tested if not kind.startswith("VAULT.")) == []


@pytest.mark.parametrize(
    ("kind", "resource", "expected"),
    [
        ("CHECKOUT.ORDER.APPROVED", {"id": "O1"}, ("O1",)),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": "O1"}, ("O1",)),
        (
            "PAYMENT.CAPTURE.COMPLETED",
            {"id": "C1", "supplementary_data": {"related_ids": {"order_id": "O1"}}},
            ("O1", "C1"),
        ),
        (
            "PAYMENT.CAPTURE.REVERSED",
            {"id": "R1", "links": [{"rel": "self", "href": "x"}, CAPTURE_LINK]},
            ("42311647XV020574X", "R1"),
        ),
        (
            "CUSTOMER.DISPUTE.CREATED",
            {
                "id": "not a transaction",
                "disputed_transactions": [
                    {"seller_transaction_id": "C1"},
                    {"seller_transaction_id": "C2"},
                ],
            },
            ("C1", "C2"),
        ),
        (
            "PAYMENT.PAYOUTS-ITEM.HELD",
            {"payout_item_id": "I1", "payout_batch_id": "B1"},
            ("I1", "B1"),
        ),
        ("PAYMENT.PAYOUTSBATCH.SUCCESS", {"batch_header": {"payout_batch_id": "B1"}}, ("B1",)),
        ("VAULT.PAYMENT-TOKEN.DELETED", {"id": "8kk8451t"}, ("8kk8451t",)),
    ],
)
def test_without_our_id_it_names_what_we_may_remember(
    kind: str, resource: Any, expected: tuple[str, ...]
) -> None:
    found = event(kind, resource).references
    assert (found.attempts, found.provider) == ((), expected)


def test_a_dispute_of_several_payments() -> None:
    entries = [{"custom": OURS}, {"custom": OTHER}, {"custom": OURS}]
    found = event("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": entries})
    assert found.references.attempts == (UUID(OURS), UUID(OTHER))


@pytest.mark.parametrize(
    "value",
    [
        OURS.upper(),
        OURS[:-1],
        OURS + "0",
        f" {OURS}",
        f"{OURS}\n",
        f"{{{OURS}}}",
        OURS.replace("-", ""),
        "' or 1=1 --",
        1,
        None,
        [OURS],
        {"a": OURS},
    ],
)
def test_another_text_is_not_our_id(value: Any) -> None:
    found = event("PAYMENT.CAPTURE.COMPLETED", {"custom_id": value, "id": "C1"})
    assert found.references.attempts == ()
    assert found.references.provider == ("C1",)


@pytest.mark.parametrize(
    "link", ["javascript:x", "https://evil.test/v2/payments/captures/a/b", 1, None]
)
def test_another_link_names_no_capture(link: Any) -> None:
    found = event("PAYMENT.CAPTURE.REVERSED", {"links": [{"rel": "up", "href": link}, 1, None]})
    assert found.references.provider == ()


@pytest.mark.parametrize(
    "told",
    [
        {"id": "WH-1"},
        {"event_type": "A"},
        {"id": 1, "event_type": "A"},
        {"id": "WH-1", "event_type": 1},
        {"id": "", "event_type": "A"},
        {"id": "a b", "event_type": "A"},
        {"id": "WH-\0", "event_type": "A"},
        {"id": "x" * 101, "event_type": "A"},
        {"id": "WH-1", "event_type": "payment.capture"},
        {"id": "WH-1", "event_type": "A" * 101},
        [],
        "x",
        1,
        None,
    ],
)
def test_no_event(told: Any) -> None:
    assert read_event(json.dumps(told).encode()) is None


def test_raw_bytes_are_no_event() -> None:
    for body in RAW:
        read_event(body)
    assert read_event(b"[" * 100_000) is None
    assert read_event(json.dumps(EVENT).encode("utf-16")) is None
    assert read_event(b"\xef\xbb\xbf" + json.dumps(EVENT).encode()) is not None


@pytest.mark.parametrize("number", [b"9" * 100_000, b"1e999999999", b"-0.0", b"NaN", b"Infinity"])
def test_no_number_is_too_large(number: bytes) -> None:
    """Amounts are not read at all, so an odd one loses no event."""
    body = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"C1","amount":'
    found = read_event(body + number + b"}}")
    assert found is not None
    assert found.references.provider == ("C1",)


def test_every_field_of_every_wrong_type() -> None:
    for kind, resource in RESOURCES:
        whole = {"id": "WH-1", "event_type": kind, "resource": resource}
        for _, data in hostile_documents(whole):
            found = read_event(data)
            if found is not None:
                references = found.references
                assert all(isinstance(name, UUID) for name in references.attempts)
                assert all(name.isascii() and len(name) <= 100 for name in references.provider)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: (
        st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=12), part, max_size=4)
    ),
    max_leaves=20,
)


@given(kind=st.sampled_from(sorted(KNOWN)), resource=_JSON)
def test_any_resource(kind: str, resource: Any) -> None:
    assert event(kind, resource).references is not None


def test_a_list_without_end_is_read_in_part() -> None:
    units = [{"custom_id": f"0190d2a5-5d3e-7c43-9f0e-{number:012x}"} for number in range(1000)]
    assert (
        len(event("CHECKOUT.ORDER.APPROVED", {"purchase_units": units}).references.attempts) == 50
    )
