"""The listener's path, the evidence in a notice, and the answer that repeats its ids."""

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.ids import AttemptId
from cift_shared.networks import networks
from cift_shared.rails.webhooks import WebhookContext, WebhookHead, WebhookRefused
from cift_shared.security.callback_token import NO_ATTEMPT
from cift_shared.testing import FakeClock
from tests.support import vodacom
from tests.support.commands import IDS, TOKENS
from vodacom_method.purposes import Purpose
from vodacom_method.settings import VodacomSettings
from vodacom_method.webhooks import LISTENER, Listener, acknowledgement, listener_path
from vodacom_worker.processor import VodacomProcessor

OPENAPI = Path(__file__).parents[3] / "docs" / "openapi.json"
PATH = listener_path(TOKENS)
TOKEN = PATH.rsplit("/", 1)[1]
SOURCE = ip_address("41.217.203.1")


def listener(sources: str = "") -> Listener:
    opened = LISTENER.open(
        VodacomSettings(sources=networks(sources)), WebhookContext(False, FakeClock(), TOKENS)
    )
    assert isinstance(opened, Listener)
    return opened


def head(token: str) -> WebhookHead:
    return WebhookHead(lambda _: (), SOURCE, token)


def test_the_path_is_always_the_same_and_has_a_token() -> None:
    assert listener_path(TOKENS) == PATH
    assert PATH.startswith("/api/v1/callbacks/tz/")
    assert len(TOKEN) == 66


@pytest.mark.parametrize(
    "token",
    [
        "",
        "0" * 66,
        TOKEN.upper(),
        TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1"),
        TOKEN * 4,
        TOKENS.make(AttemptId(IDS.new_id()), Purpose.RESULT),  # an attempt's own
        TOKENS.make(NO_ATTEMPT, 9),  # another rail's
    ],
    ids=["none", "zeros", "capitals", "last digit", "too long", "an attempt", "another rail"],
)
def test_another_path_is_not_found(token: str) -> None:
    with pytest.raises(WebhookRefused) as refused:
        listener().admit(head(token))
    assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    ("sources", "listed", "quarantined"),
    [("", False, False), ("41.217.203.0/24", True, False), ("10.0.0.0/8", False, True)],
)
def test_a_list_of_sources_quarantines_others(
    sources: str, listed: bool, quarantined: bool
) -> None:
    evidence = listener(sources).admit(head(TOKEN))(vodacom.notice("0" * 32))
    assert (evidence.source_listed, evidence.quarantined) == (listed, quarantined)
    assert evidence.logged == {"source_listed": listed, "quarantined": quarantined}
    assert evidence.address is not None
    assert evidence.address.attempt_id == NO_ATTEMPT


def test_a_repeat_is_the_same_notice_and_another_is_not() -> None:
    read = listener().admit(head(TOKEN))
    one, same = (read(vodacom.notice("0" * 32)).dedupe for _ in range(2))
    other = read(vodacom.notice("0" * 32, "INS-6")).dedupe
    assert one == same != other
    assert other == b"listener|" + vodacom.notice("0" * 32, "INS-6")


def test_a_long_path_is_refused_before_its_token_is_computed() -> None:
    tokens = Mock(wraps=TOKENS)
    for length in (200, 201):
        with pytest.raises(WebhookRefused):
            Listener((), tokens).admit(head("0" * length))
    assert [call.args for call in tokens.read.call_args_list] == [("0" * 200,)]


def test_the_answer_repeats_the_ids() -> None:
    answer = acknowledgement(vodacom.notice("0" * 32, conversation="conv-7"))
    assert answer == {
        "output_ResponseCode": "0",
        "output_ResponseDesc": "Accepted",
        "output_OriginalConversationID": "conv-7",
        "output_ThirdPartyConversationID": "0" * 32,
    }


def test_the_answer_to_a_notice_is_that_of_its_evidence() -> None:
    body = vodacom.notice("0" * 32, conversation="conv-7")
    assert listener().admit(head(TOKEN))(body).acknowledgement == acknowledgement(body)


@pytest.mark.parametrize(("length", "kept"), [(100, 100), (101, 100)])
def test_an_id_is_repeated_up_to_100_characters(length: int, kept: int) -> None:
    answer = acknowledgement(vodacom.notice("0" * 32, conversation="c" * length))
    assert answer["output_OriginalConversationID"] == "c" * kept


@pytest.mark.parametrize("conversation", [7, None, ["conv"]])
def test_an_id_that_is_no_text_is_left_out(conversation: Any) -> None:
    answer = acknowledgement(vodacom.notice("0" * 32, conversation=conversation))
    assert answer["output_OriginalConversationID"] == ""


def test_the_published_example_is_a_notice_and_its_answer() -> None:
    published = json.loads(OPENAPI.read_text("utf-8"))
    posted = published["paths"][f"/api/v1{LISTENER.path}"]["post"]
    examples = posted["requestBody"]["content"]["application/json"]["examples"]
    ((name, shown),) = examples.items()
    assert LISTENER.operation == posted["operationId"]
    assert LISTENER.example == (name, shown["summary"], shown["value"])
    answer = posted["responses"]["200"]["content"]["application/json"]["example"]
    assert LISTENER.acknowledgement == answer
    assert acknowledgement(json.dumps(shown["value"]).encode()) == answer
    assert LISTENER.refusals == ("not_found",)


@given(st.binary(max_size=200))
def test_any_body_is_answered(body: bytes) -> None:
    assert acknowledgement(body)["output_ResponseCode"] == "0"


@given(st.binary(max_size=200))
def test_no_body_leads_to_an_attempt_but_ours(body: bytes) -> None:
    assert VodacomProcessor.read_fingerprint(None, body) is None


def test_our_key_leads_to_its_attempt() -> None:
    attempt = AttemptId(IDS.new_id())
    found = VodacomProcessor.read_fingerprint(None, vodacom.notice(attempt.hex + "002"))
    assert found == attempt
