"""A rejected record as a message for its dead-letter topic."""

from datetime import datetime

from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.record import Record, RejectedRecord

LETTER_BODY_BYTES_MAX = 800_000
LETTER_HEADERS_MAX = 40
LETTER_HEADER_CHARS_MAX = 1_000
_COUNT_DIGITS_MAX = 9


def dead_letter(rejected: RejectedRecord, *, group: str, at: datetime) -> OutgoingMessage:
    """The rejected record as a dead letter: reason and original position are added as headers.

    A record that the broker accepted may be too large once our headers are added, and a letter that
    can't be published would block the outbox. So long headers are cut, and so is a body near the
    broker's limit; a header then states the body's full length, and the full body is still at its
    original position.
    """
    record, body = rejected.record, rejected.record.body or b""
    original = list(record.headers.items())[:LETTER_HEADERS_MAX]
    headers = {
        **{
            name[:LETTER_HEADER_CHARS_MAX]: text[:LETTER_HEADER_CHARS_MAX]
            for name, text in original
        },
        **({"x-dlq-body-bytes": str(len(body))} if len(body) > LETTER_BODY_BYTES_MAX else {}),
        "x-dlq-reason": rejected.reason,
        "x-dlq-error": rejected.detail.replace("\0", "\ufffd"),
        "x-orig-topic": record.topic,
        "x-orig-partition": str(record.partition),
        "x-orig-offset": str(record.offset),
        "x-orig-timestamp": str(record.timestamp_ms),
        "x-consumer-group": group,
        "x-attempt": str(_previous_rejections(record) + 1),
        "x-first-failed-at": record.headers.get("x-first-failed-at", at.isoformat()),
    }
    return OutgoingMessage(
        topics.dead_letter(record.topic),
        (record.key or "")[:LETTER_HEADER_CHARS_MAX],
        body[:LETTER_BODY_BYTES_MAX],
        headers,
    )


def _previous_rejections(record: Record) -> int:
    """How often the record was a dead letter before; 0 if the (untrusted) header is invalid."""
    count = record.headers.get("x-attempt", "0")
    return int(count) if count.isdecimal() and len(count) < _COUNT_DIGITS_MAX else 0
