"""Answers of a signer that sign nothing, the same for every chain, and how answers are told."""

from dataclasses import dataclass

from prometheus_client import Counter

from cift_shared.observability.log import get_logger

ANSWERS = Counter(
    "cift_signer_answers_total", "Answers of the signer: signed, refused, held back.", ["answer"]
)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Never."""

    reason: str


class Told:
    """Logs and counts answers; that one waits is logged once."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    def signed(self, *, fee: int, **fields: object) -> None:
        """Tell of a signature; `fee` in the smallest unit of the coin."""
        log.info("signer.signed", fee=fee, **fields)
        ANSWERS.labels("sign").inc()

    def refused(self, verdict: Refuse, **fields: object) -> None:
        """Tell of a refusal."""
        log.error("signer.refused", reason=verdict.reason, **fields)
        ANSWERS.labels("refuse").inc()

    def held_back(self, verdict: Wait, name: str, **fields: object) -> None:
        """Tell that the transaction with this name waits."""
        if name in self._held:
            return
        self._held.add(name)
        log.error("signer.held_back", reason=verdict.reason, **fields)
        ANSWERS.labels("wait").inc()
