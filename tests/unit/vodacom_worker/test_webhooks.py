"""The listener's path, the evidence in a notice, and the answer that repeats its ids."""

from ipaddress import ip_address

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
    assert evidence.address is not None
    assert evidence.address.attempt_id == NO_ATTEMPT


def test_a_repeat_is_the_same_notice_and_another_is_not() -> None:
    read = listener().admit(head(TOKEN))
    one, same = (read(vodacom.notice("0" * 32)).dedupe for _ in range(2))
    other = read(vodacom.notice("0" * 32, "INS-6")).dedupe
    assert one == same != other


def test_the_answer_repeats_the_ids() -> None:
    answer = acknowledgement(vodacom.notice("0" * 32, conversation="conv-7"))
    assert answer == {
        "output_ResponseCode": "0",
        "output_ResponseDesc": "Accepted",
        "output_OriginalConversationID": "conv-7",
        "output_ThirdPartyConversationID": "0" * 32,
    }


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
