import io
import json
import logging

import pytest
import structlog
from opentelemetry import trace

from cift_shared.observability.log import (
    get_logger,
    looks_like_card,
    mask,
    start_logging,
)
from cift_shared.observability.outage_log import OutageFilter


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
def test_personal_numbers_and_addresses_are_masked(text: str, masked: str) -> None:
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
    assert lines()[-1]["detail"] == {"Authorization": "[secret]", "to": ["2547****149"]}
    text = json.dumps(lines())
    assert "708374149" not in text
    assert "hunter2" not in text
    assert "Basic abc" not in text
    assert "a@b.co" not in text
    assert [line["event"] for line in lines()][::2] == ["probe.failed", "probe.nested"]
    assert {line["service"] for line in lines()} == {"probe"}


@pytest.mark.parametrize(
    "name",
    ["Authorization", "db_password", "client_secret", "access_token", "passkey",
     "security_credential", "Stripe-Signature", "api_key", "apikey"],
)  # fmt: skip
def test_a_secret_field_is_never_shown(lines, name: str) -> None:
    get_logger().info("probe.secret", **{name: "hunter2"}, inside=[{name: "hunter2"}])
    (shown,) = lines()
    assert "hunter2" not in json.dumps(shown)
    assert shown[name] == "[secret]"


def test_ordinary_fields_are_shown(lines) -> None:
    get_logger().info("probe.plain", amount=7, code="0", parts=["a", ("b",)], nothing=None)
    (shown,) = lines()
    assert (shown["amount"], shown["code"], shown["nothing"]) == (7, "0", None)
    assert shown["parts"] == ["a", ["b"]]
    assert (shown["event"], shown["level"], shown["service"]) == ("probe.plain", "info", "probe")
    assert shown["ts"].endswith("Z")


@pytest.mark.parametrize(
    ("digits", "is_card"),
    [
        ("4242424242424242", True),
        ("4222222222222", True),  # 13 digits, the fewest
        ("6304000000000000019", False),
        ("6304000000000000000", True),  # 19, the most
        ("422222222222", False),
        ("0" * 12, False),
        ("0" * 13, True),
        ("0" * 19, True),
        ("0" * 20, False),
        ("5555555555554444", True),
        ("5555555555554445", False),
    ],
)
def test_which_digits_look_like_a_card(digits: str, is_card: bool) -> None:
    assert looks_like_card(digits) is is_card


@pytest.mark.parametrize(
    "number", ["254112345678", "255712345678", "256712345678", "250712345678", "0112345678",
               "255612345678", "256312345678", "0612345678"]
)  # fmt: skip
def test_phones_of_four_countries_are_masked(number: str) -> None:
    assert mask(f"to {number}!") == f"to {number[:4]}****{number[-3:]}!"


@pytest.mark.parametrize(
    "text", ["251712345678", "254812345678", "2547123456789", "25471234567", "abc254712345678"]
)
def test_other_numbers_are_not_taken_for_phones(text: str) -> None:
    assert mask(text) == text


def test_levels_below_the_one_asked_for_are_silent(lines) -> None:
    get_logger().debug("probe.debug")
    logging.getLogger("some.library").debug("no")
    for noisy in ("aiokafka", "httpx", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).info("no")
    assert lines() == []


def test_a_line_within_a_span_names_its_trace(lines) -> None:
    context = trace.SpanContext(0xABC, 0xDEF, is_remote=False)
    with trace.use_span(trace.NonRecordingSpan(context)):
        get_logger().info("probe.inside")
    get_logger().info("probe.outside")
    inside, outside = lines()
    assert (inside["trace_id"], inside["span_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")
    assert "trace_id" not in outside


@pytest.mark.parametrize(
    ("error", "is_expected"), [(ConnectionRefusedError("down"), True), (ValueError("ours"), False)]
)
def test_only_a_fault_of_ours_is_shown_with_its_traceback(lines, error, is_expected) -> None:
    try:
        raise error
    except type(error):
        get_logger().exception("part.failed")
    (shown,) = lines()
    assert ("Traceback" in shown.get("exception", "")) is not is_expected
    assert shown.get("error") == (repr(error) if is_expected else None)


def test_only_the_first_line_of_an_outage_is_shown(lines, monkeypatch) -> None:
    monkeypatch.setattr(OutageFilter, "_start_thread", lambda _: None)  # no summaries here
    for _ in range(3):
        logging.getLogger("aiokafka.conn").error("Unable connect to node 1")
    get_logger().info("probe.later")
    assert [line["event"] for line in lines()] == ["Unable connect to node 1", "probe.later"]


@pytest.mark.parametrize(("style", "is_coloured"), [("console", True), ("json", False)])
def test_people_read_colours_and_machines_json(monkeypatch, lines, style, is_coloured) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    start_logging("probe", level="info", style=style)
    get_logger().info("probe.shown", phone="254708374149")
    assert ("\x1b[" in out.getvalue()) is is_coloured
    assert "2547****149" in out.getvalue()
