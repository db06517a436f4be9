"""From Vodacom's answers to what they mean; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cift_shared.messaging.outcomes import Declined, Expired, Failure, Outcome, Pending
from vodacom_worker import codes, domain, wire
from vodacom_worker.codes import Meaning

NO_CODE = "no_code"
UNAUTHORIZED = frozenset({401, 403})
"""With these and no code, the session (or the API key) is not accepted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request."""

    meaning: Meaning
    code: str
    transaction_id: str | None = None
    conversation_id: str | None = None
    listed: bool = True
    """False for a code that no table lists."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a query says about an earlier request."""

    word: str
    """`output_ResponseTransactionStatus`; "" when the answer has none."""
    code: str
    receipt: str | None = None
    conversation_id: str | None = None

    @property
    def is_listed(self) -> bool:
        """True when a table lists the status."""
        return self.word == codes.COMPLETED or any(
            self.word in words
            for words in (
                codes.STATUS_CANCELED,
                codes.STATUS_EXPIRED,
                codes.STATUS_FAILED,
                codes.STATUS_OPEN,
                codes.STATUS_NONE,
            )
        )

    @property
    def is_silent(self) -> bool:
        """True when it says nothing about the request: Vodacom may not have it."""
        return self.word in codes.STATUS_NONE


def reply_of(status: int, body: Mapping[str, Any] | None, *, key: str) -> Reply:
    """What an answer means. The code decides, never the text and hardly the HTTP status.

    Args:
        status: the HTTP status.
        body: the JSON object in the answer; None when it has none.
        key: the key of the request. An answer with another key is not about it.
    """
    code = wire.text(body or {}, "output_ResponseCode")
    if not code:
        refused = status in UNAUTHORIZED
        return Reply(Meaning.NO_SESSION if refused else Meaning.UNKNOWN, NO_CODE)
    echoed = wire.text(body or {}, "output_ThirdPartyConversationID")
    meaning = codes.MEANINGS.get(code, Meaning.UNKNOWN)
    if echoed not in ("", "N/A", key):
        return Reply(Meaning.UNKNOWN, "other_key")
    return Reply(
        meaning,
        code,
        domain.receipt_in((body or {}).get("output_TransactionID")),
        wire.text(body or {}, "output_ConversationID") or None,
        listed=code in codes.MEANINGS,
    )


def status_of(reply: Reply, body: Mapping[str, Any] | None) -> Status:
    """What the answer to a query says; without a status when it was not answered with success."""
    if reply.meaning is not Meaning.ACCEPTED:
        return Status("", reply.code)
    fields = body or {}
    return Status(
        wire.text(fields, "output_ResponseTransactionStatus"),
        reply.code,
        domain.receipt_in(fields.get("output_OriginalTransactionID")),
        reply.conversation_id,
    )


def failed_outcome(status: Status, *, told_code: str | None) -> Outcome:
    """The outcome of a query other than success; `Pending` when it is not final.

    Args:
        status: the answer to the query, which decides.
        told_code: the code of a notice, which only says why.
    """
    if status.word in codes.STATUS_CANCELED:
        return Declined(codes.CANCELED_BY_PAYER)
    if status.word in codes.STATUS_EXPIRED:
        return Expired(codes.EXPIRED)
    if status.word in codes.STATUS_FAILED:
        return Declined(failure_of(told_code))
    return Pending()


def failure_of(code: str | None) -> Failure:
    """What a customer is told of a final code."""
    return codes.FAILURES.get(code or "", codes.NOT_CARRIED_OUT)
