"""A large withdrawal is signed after a decision about exactly what it pays."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chain_watch.approval_store import Approval
from chain_watch.approvals import REJECTED, Decision, Terms, held_up
from chain_watch.verdicts import Refuse, Wait

TERMS = Terms(b"to", 100, "BTC")
terms = st.builds(
    Terms, st.sampled_from([b"to", b"else"]), st.integers(1, 200), st.sampled_from(["BTC", "ETH"])
)
decisions = st.none() | st.builds(Decision, st.booleans(), terms)


@given(terms, st.none() | st.integers(0, 200), decisions)
def test_above_the_limit_only_what_was_approved_passes(
    paid: Terms, above: int | None, decision: Decision | None
) -> None:
    found = held_up(paid, above, decision)
    is_small = above is None or paid.minor <= above
    is_approved = decision == Decision(is_approved=True, terms=paid)
    is_rejected = decision is not None and not decision.is_approved
    assert (found is None) == (not is_rejected and (is_small or is_approved))


def test_each_obstacle_has_its_word() -> None:
    assert held_up(TERMS, 99, None) == Wait("approval")
    assert held_up(TERMS, 100, None) is None
    assert held_up(TERMS, None, Decision(is_approved=False, terms=TERMS)) == Refuse("rejected")
    other = Decision(is_approved=True, terms=replace(TERMS, minor=101))
    assert held_up(TERMS, 99, other) == Refuse("approved_otherwise")


def test_customers_are_told_that_it_was_rejected() -> None:
    assert (REJECTED.code, REJECTED.retryable) == ("withdrawal_rejected", False)
    assert REJECTED.category == "declined"
    assert REJECTED.message == "This withdrawal was not approved."


def test_the_watcher_waits_only_while_nobody_has_decided() -> None:
    assert Approval(None, is_needed=True).is_waiting
    assert not Approval(None, is_needed=False).is_waiting
    assert not Approval(is_approved=True, is_needed=True).is_waiting
    rejected = Approval(is_approved=False, is_needed=True)
    assert (rejected.is_waiting, rejected.is_rejected) == (False, True)
    assert not Approval(None, is_needed=True).is_rejected
