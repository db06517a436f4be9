"""The ledger against itself: sums, balances, holds."""

from collections.abc import Iterator

from tests.chaos.checks.finding import Finding, Kind, grouped
from tests.chaos.evidence.facts import OPEN, UNMOVED, Account, Entry, Evidence, Hold, Payment


def transactions_sum_to_zero(evidence: Evidence) -> Iterator[Finding]:
    """Every transaction has two entries at least and sums to zero in each currency."""
    for tx, entries in grouped(evidence.entries, lambda entry: entry.tx).items():
        about = entries[0].payment_id or f"transaction {tx}"
        if len(entries) < 2:
            yield Finding(Kind.UNBALANCED, about, f"transaction {tx} has one entry")
        for currency, same in grouped(entries, lambda entry: entry.currency).items():
            total = sum(entry.amount for entry in same)
            if total:
                words = f"transaction {tx} sums to {total} {currency}"
                yield Finding(Kind.UNBALANCED, about, words)


def balances_are_sums(evidence: Evidence) -> Iterator[Finding]:
    """A balance is the sum of its entries, and each entry leaves what it says."""
    by_account = grouped(evidence.entries, lambda entry: entry.account)
    for account in evidence.accounts:
        entries = by_account.pop(account.account, [])
        yield from _chain(account, sorted(entries, key=lambda entry: entry.account_version))
    for number in by_account:
        yield Finding(Kind.UNBALANCED, f"account {number}", "entries without an account")


def _chain(account: Account, entries: list[Entry]) -> Iterator[Finding]:
    total = 0
    for place, entry in enumerate(entries, start=1):
        total += entry.amount
        if (entry.balance_after, entry.account_version) != (total, place):
            words = f"entry {place} says {entry.balance_after}, its sum is {total}"
            yield Finding(Kind.UNBALANCED, account.code, words)
            break
    figures = (account.posted, account.version)
    expected = (sum(entry.amount for entry in entries), len(entries))
    if figures != expected:
        words = f"balance {figures[0]} of {figures[1]} entries, they are {expected}"
        yield Finding(Kind.UNBALANCED, account.code, words)


def everything_sums_to_zero(evidence: Evidence) -> Iterator[Finding]:
    """All balances of one currency and mode sum to zero."""
    for (mode, currency), accounts in grouped(evidence.accounts, _mode_and_currency).items():
        total = sum(account.posted for account in accounts)
        if total:
            words = f"all balances sum to {total} {currency}"
            yield Finding(Kind.UNBALANCED, f"{mode} {currency}", words)


def _mode_and_currency(account: Account) -> tuple[str, str]:
    return account.tenant.rpartition(":")[2], account.currency


def held_is_open_holds(evidence: Evidence) -> Iterator[Finding]:
    """What an account has put aside is the sum of its open holds."""
    holds = grouped(evidence.holds, lambda hold: hold.account)
    for account in evidence.accounts:
        wanted = sum(h.amount for h in holds.get(account.account, []) if h.state == "held")
        if account.held != wanted:
            words = f"{account.held} is held, open holds are {wanted}"
            yield Finding(Kind.UNBALANCED, account.code, words)


def nobody_is_overdrawn(evidence: Evidence) -> Iterator[Finding]:
    """A customer never has less than nothing available; open holds count, whatever is cached."""
    holds = grouped(evidence.holds, lambda hold: hold.account)
    entries = grouped(evidence.entries, lambda entry: entry.account)
    for account in evidence.accounts:
        if not account.code.startswith("customer:"):
            continue
        owed = -sum(entry.amount for entry in entries.get(account.account, []))
        held = sum(h.amount for h in holds.get(account.account, []) if h.state == "held")
        if owed - held < 0:
            words = f"{owed} {account.currency} is owed and {held} promised"
            yield Finding(Kind.UNBALANCED, account.code, words)


def holds_follow_payments(evidence: Evidence) -> Iterator[Finding]:
    """Money out has one hold, of what the customer loses, that ended as the payment did."""
    holds = grouped(evidence.holds, lambda hold: hold.payment_id)
    for payment in evidence.payments:
        found = holds.get(payment.payment_id, [])
        wanted = 0 if payment.type == "deposit" else 1
        if len(found) != wanted:
            words = f"{len(found)} holds of a {payment.type}"
            yield Finding(Kind.UNBALANCED, payment.payment_id, words)
        for hold in found:
            if not _ended_as(payment, hold):
                words = f"{payment.status} for {payment.net}, its hold of {hold.amount}"
                yield Finding(Kind.UNBALANCED, payment.payment_id, f"{words} is {hold.state}")


def _ended_as(payment: Payment, hold: Hold) -> bool:
    ends = {"completed": {"captured"}, "expired": {"expired"}, "in_review": {"held", *_FREED}}
    wanted = ends.get(payment.status, {"held"} if payment.status in OPEN else {"released"})
    captured = payment.net if hold.state == "captured" else None
    return hold.state in wanted and (hold.amount, hold.captured) == (payment.net, captured)


_FREED = ("released", "expired")


def refunds_stay_within(evidence: Evidence) -> Iterator[Finding]:
    """Refunds, done and under way, are no more than the deposit, and counted as they are."""
    refunds = grouped(evidence.payments, lambda payment: payment.parent)
    for deposit in evidence.payments:
        children = [r for r in refunds.get(deposit.payment_id, []) if r.status not in UNMOVED]
        done = sum(r.minor - r.reversed for r in children if r.status == "completed")
        under_way = sum(r.minor for r in children if r.status != "completed")
        if done + under_way > deposit.minor:
            words = f"refunds of {done + under_way} for a deposit of {deposit.minor}"
            yield Finding(Kind.UNBALANCED, deposit.payment_id, words)
        counted = (deposit.refunded, deposit.refund_pending)
        reviewed = any(r.status == "in_review" for r in refunds.get(deposit.payment_id, []))
        if counted != (done, under_way) and not reviewed:
            words = f"counts {counted} as refunded and pending, they are {(done, under_way)}"
            yield Finding(Kind.UNBALANCED, deposit.payment_id, words)
