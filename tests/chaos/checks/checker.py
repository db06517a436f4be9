"""The judge: what a run leaves behind goes in, everything that is wrong comes out. Pure.

It shares no code with what it judges: it reads facts (`facts.py`) that `evidence.py` has gathered
from the providers' books, the clients' answers and the tables.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.chaos.checks import answers, books, events, postings, progress, provider, states
from tests.chaos.checks.finding import Check, Finding, Kind
from tests.chaos.evidence.facts import OPEN, Evidence

CHECKS: Sequence[Check] = (
    answers.accepted_payments_exist,
    answers.accepted_payments_are_found,
    answers.one_key_is_one_payment,
    answers.refused_keys_stay_refused,
    answers.no_more_than_asked,
    answers.reads_never_go_back,
    provider.movements_are_ours,
    provider.movements_are_known,
    provider.completed_has_moved,
    provider.prices_are_fair,
    provider.completed_is_deep,
    provider.withdrawals_stay_within_caps,
    provider.one_effect_a_command,
    provider.one_request_taken,
    provider.one_attempt_a_payment,
    provider.one_payment_a_reference,
    books.transactions_sum_to_zero,
    books.balances_are_sums,
    books.everything_sums_to_zero,
    books.held_is_open_holds,
    books.nobody_is_overdrawn,
    books.holds_follow_payments,
    books.refunds_stay_within,
    postings.one_posting_a_success,
    postings.settlements_follow_the_book,
    postings.providers_hold_what_the_books_say,
    postings.providers_hold_nothing_else,
    postings.own_moves_are_charged,
    postings.reversed_is_what_was_posted,
    states.histories_are_paths,
    states.versions_grow_by_one,
    states.results_count_once,
    states.answers_were_true,
    states.ends_are_ends_for_the_worker,
    progress.results_have_arrived,
    progress.webhooks_have_arrived,
    progress.outboxes_are_empty,
    progress.attempts_have_a_next_check,
    progress.open_payments_are_worked_on,
    progress.notices_are_taken_in,
    progress.one_process_leads,
    events.every_change_is_told,
)
"""Everything that is checked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checker says about a run."""

    findings: tuple[Finding, ...]
    payments: int
    open: int
    """Payments that are under way still, the indefinite ones among them."""
    indefinite: int
    """Open payments whose outcome nobody can know yet; they are asked about again."""
    in_review: int
    """Payments that wait for people."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def counts(self) -> dict[str, int]:
        """Findings by kind, each kind named, and the payments that were looked at."""
        found = Counter(finding.kind for finding in self.findings)
        return {
            "payments": self.payments,
            **{kind.value: found[kind] for kind in Kind},
            "open": self.open,
            "indefinite": self.indefinite,
            "in_review": self.in_review,
        }

    def told(self) -> str:
        """Every finding, a line each."""
        return "\n".join(map(str, self.findings)) or "sound"


def check(evidence: Evidence) -> Verdict:
    """Judge the evidence of a run that had its time to recover."""
    statuses = Counter(payment.status for payment in evidence.payments)
    return Verdict(
        findings=tuple(
            replace(finding, by=each.__name__) for each in CHECKS for finding in each(evidence)
        ),
        payments=len(evidence.payments),
        open=sum(statuses[status] for status in OPEN),
        indefinite=len(progress.indefinite(evidence)),
        in_review=statuses["in_review"],
    )
