"""What the clients of a run asked and heard: the only memory that no service of ours can change."""

import dataclasses
import json
import pathlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

UNANSWERED = 0  # the status of a request that never got an answer


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was sent; `number` orders the requests of a run by their beginning."""

    number: int
    at: float
    request: str
    key: str | None
    body: Json | None
    merchant: str


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """One answer that a client got, or, with status UNANSWERED, that none came.

    Attributes:
        at: When the answer was there, in seconds of the client's monotonic clock.
        request: Method and path below `/api/v1`, such as `POST /payments`, `GET /payments/<id>`.
        key: The Idempotency-Key, where one was sent.
        body: What was asked.
        status: HTTP status.
        answer: The JSON body; empty where there was none.
        began: When the request was sent, by the same clock.
        merchant: Whose API key was used; a word of the traffic's own choice.
    """

    at: float
    request: str
    key: str | None
    body: Json | None
    status: int
    answer: Json
    began: float = 0.0
    merchant: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether any answer came."""
        return self.status != UNANSWERED


class History:
    """Everything that was asked, in the order in which answers came; one for a run.

    A request is begun before it is sent and told once it is answered. What was begun and never
    told may have had its effect or not: `said` ends with these, with status UNANSWERED.
    """

    def __init__(self) -> None:
        self._told: list[Said] = []
        self._open: dict[int, Asked] = {}
        self._number = 0

    def begin(
        self,
        request: str,
        key: str | None = None,
        body: Json | None = None,
        merchant: str = "",
    ) -> Asked:
        """Note a request that is about to be sent."""
        self._number += 1
        asked = Asked(self._number, time.monotonic(), request, key, body, merchant)
        self._open[asked.number] = asked
        return asked

    def answered(self, asked: Asked, status: int, answer: Json) -> Said:
        """Note what a request got as its answer."""
        self._open.pop(asked.number)
        said = Said(
            at=time.monotonic(),
            request=asked.request,
            key=asked.key,
            body=asked.body,
            status=status,
            answer=answer,
            began=asked.at,
            merchant=asked.merchant,
        )
        self.record(said)
        return said

    def record(self, said: Said) -> None:
        """Keep an answer that was noted elsewhere."""
        self._told.append(said)

    @property
    def said(self) -> list[Said]:
        """Every answer in the order in which it came, then what was never answered."""
        return [*self._told, *self._silent()]

    def _silent(self) -> Iterator[Said]:
        for asked in self._open.values():
            yield Said(
                at=float("inf"),
                request=asked.request,
                key=asked.key,
                body=asked.body,
                status=UNANSWERED,
                answer={},
                began=asked.at,
                merchant=asked.merchant,
            )

    def save(self, path: pathlib.Path) -> None:
        """Write the history as JSON Lines, for whoever looks at a failed run."""
        lines = (json.dumps(dataclasses.asdict(said)) for said in self.said)
        path.write_text("".join(f"{line}\n" for line in lines))


def new_key() -> str:
    """A fresh Idempotency-Key."""
    return uuid.uuid4().hex
