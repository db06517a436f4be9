import io
import json
import logging

import pytest
import structlog

from cift_shared.log import get_logger, looks_like_card, mask, start_logging


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("paid by 254708374149 today", "paid by 2547****149 today"),
        ("+254708374149", "2547****149"),
        ("call 0712345678.", "call 0712****678."),
        ('{"PhoneNumber": 254112345678}', '{"PhoneNumber": 2541****678}'),
        ("ws_CO_191220191020363925708374149", "ws_CO_****"),
        ("jane.doe+x@example.co.ke wrote", "****@example.co.ke wrote"),
        ("card 4242 4242 4242 4242!", "card [card]!"),
        ("card 4242424242424242", "card [card]"),
        ("order 1234567890123", "order 1234567890123"),
        ("018f3a4b-1c2d-7e3f-8a4b-254708374149", "018f3a4b-1c2d-7e3f-8a4b-254708374149"),
        ("receipt NLJ7RT61SV", "receipt NLJ7RT61SV"),
    ],
)
def test_mask(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize("digits", ["4242424242424242", "4000000000000002", "378282246310005"])
def test_card_numbers_are_known(digits: str) -> None:
    assert looks_like_card(digits)
    assert not looks_like_card(digits[:-1] + str((int(digits[-1]) + 1) % 10))


@pytest.fixture
def lines(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    before = logging.getLogger().handlers[:]
    start_logging("probe", level="info", style="json")
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.getLogger().handlers[:] = before


def test_nothing_personal_reaches_a_line(lines) -> None:
    try:
        raise ValueError("no wallet for 254708374149")
    except ValueError:
        get_logger().exception("probe.failed", phone="254708374149", password="hunter2")
    logging.getLogger("some.library").warning("POST to 0708374149 by a@b.co")
    get_logger().info("probe.nested", detail={"Authorization": "Basic abc", "to": ["254708374149"]})
    text = json.dumps(lines())
    assert "708374149" not in text
    assert "hunter2" not in text
    assert "Basic abc" not in text
    assert "a@b.co" not in text
    assert [line["event"] for line in lines()][::2] == ["probe.failed", "probe.nested"]
    assert {line["service"] for line in lines()} == {"probe"}
