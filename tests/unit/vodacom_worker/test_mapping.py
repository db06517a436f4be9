"""From answers to meanings: the code decides; what is not listed is not final."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.messaging.outcomes import Declined, Expired, Pending
from vodacom_worker import codes, mapping
from vodacom_worker.codes import Meaning
from vodacom_worker.mapping import Reply, Status

KEY = "0" * 32


def reply(code: object, status: int = 400, **more: Any) -> Reply:
    return mapping.reply_of(status, {"output_ResponseCode": code, **more}, key=KEY)


class TestReplies:
    @pytest.mark.parametrize("code", sorted(codes.MEANINGS))
    @pytest.mark.parametrize("status", [200, 201, 400, 401, 408, 409, 422, 500, 503])
    def test_the_code_decides_not_the_http_status(self, code: str, status: int) -> None:
        assert reply(code, status).meaning is codes.MEANINGS[code]

    @given(st.text(max_size=20).filter(lambda text: text.strip() not in codes.MEANINGS))
    def test_any_other_code_is_unknown(self, code: str) -> None:
        assert reply(code).meaning is Meaning.UNKNOWN

    @pytest.mark.parametrize("status", [401, 403])
    def test_refused_without_a_code_is_the_session(self, status: int) -> None:
        assert mapping.reply_of(status, None, key=KEY).meaning is Meaning.NO_SESSION
        assert mapping.reply_of(status, {}, key=KEY).meaning is Meaning.NO_SESSION

    @pytest.mark.parametrize("status", [200, 201, 400, 404, 500, 502])
    def test_anything_else_without_a_code_is_unknown(self, status: int) -> None:
        assert mapping.reply_of(status, None, key=KEY).meaning is Meaning.UNKNOWN

    def test_an_answer_with_another_key_is_not_ours(self) -> None:
        other = reply("INS-0", 201, output_ThirdPartyConversationID="1" * 32)
        assert other.meaning is Meaning.UNKNOWN
        assert (other.code, other.listed) == ("other_key", True)

    @pytest.mark.parametrize("key", [KEY, "", "N/A"])
    def test_an_answer_with_our_key_or_none_is_ours(self, key: str) -> None:
        same = reply("INS-0", 201, output_ThirdPartyConversationID=key)
        assert same.meaning is Meaning.ACCEPTED

    def test_the_ids_are_read(self) -> None:
        found = reply(
            "INS-0", 201, output_TransactionID="9KE71HX0QTR", output_ConversationID=" conv "
        )
        assert (found.transaction_id, found.conversation_id) == ("9KE71HX0QTR", "conv")
        assert reply("INS-0", 201, output_TransactionID="N/A").transaction_id is None

    def test_only_unlisted_codes_are_counted(self) -> None:
        assert reply("INS-2006").listed
        assert not reply("INS-7777").listed
        assert mapping.reply_of(500, None, key=KEY) == Reply(
            Meaning.UNKNOWN, "no_code", listed=True
        )


class TestStatuses:
    def test_only_an_answered_query_has_a_status(self) -> None:
        body = {"output_ResponseTransactionStatus": "Completed"}
        assert mapping.status_of(Reply(Meaning.ACCEPTED, "INS-0"), body).word == "Completed"
        for meaning in set(Meaning) - {Meaning.ACCEPTED}:
            assert mapping.status_of(Reply(meaning, "INS-1"), body).word == ""

    def test_the_receipt_is_the_original_transactions(self) -> None:
        body = {
            "output_ResponseTransactionStatus": "Completed",
            "output_OriginalTransactionID": "9KE71HX0QTR",
            "output_TransactionID": "OTHER123456",
        }
        assert mapping.status_of(Reply(Meaning.ACCEPTED, "INS-0"), body).receipt == "9KE71HX0QTR"

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("Cancelled", Declined), ("Canceled", Declined), ("Failed", Declined),
            ("Declined", Declined), ("Expired", Expired), ("Pending", Pending), ("N/A", Pending),
            ("", Pending), ("Completed", Pending), ("Reversed", Pending), ("completed", Pending),
        ],
    )  # fmt: skip
    def test_words(self, word: str, kind: type) -> None:
        outcome = mapping.failed_outcome(Status(word, "INS-0"), told_code=None)
        assert isinstance(outcome, kind)

    def test_a_notice_only_says_why(self) -> None:
        failed = mapping.failed_outcome(Status("Failed", "INS-0"), told_code="INS-2006")
        assert isinstance(failed, Declined)
        assert failed.failure is codes.PAYER_BALANCE
        pending = mapping.failed_outcome(Status("Pending", "INS-0"), told_code="INS-2006")
        assert isinstance(pending, Pending)

    @pytest.mark.parametrize("word", ["N/A", ""])
    def test_silence(self, word: str) -> None:
        assert Status(word, "INS-0").is_silent
        assert Status(word, "INS-0").is_listed

    @pytest.mark.parametrize(
        "word", ["Cancelled", "Canceled", "Expired", "Failed", "Declined", "Pending", "Completed"]
    )
    def test_listed_words(self, word: str) -> None:
        assert Status(word, "INS-0").is_listed
        assert not Status(word, "INS-0").is_silent

    def test_an_unlisted_word_is_neither(self) -> None:
        assert not Status("Reversed", "INS-0").is_listed
        assert not Status("Reversed", "INS-0").is_silent
