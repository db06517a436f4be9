"""The last look: the books by themselves, against the twins' records, and against the chains."""

import contextlib
import re
from collections import Counter

from cift_local.accounts import Balances, twin_balances
from cift_shared.rails.local import local_rails
from tests.k8s_e2e import platform, servers
from tests.k8s_e2e.credentials import Credentials
from tests.k8s_e2e.steps import Report
from tests.k8s_e2e.waiting import until

CHECKS = (("verify-books",), ("ledger", "verify-chain"), ("ledger", "rebuild-verify"))
"""Commands of `cift` that must find nothing."""
ON_CHAINS = "crypto-watcher"
"""The service that reaches the chains' nodes, for the commands that the rails add."""
POSTED_WITHIN_S = 120
"""Fees that providers and networks tell late are posted after the payments' end."""


def agree(report: Report, credentials: Credentials) -> None:
    """The checks of the books find nothing, and no money moved that we did not post."""
    servers.allow_scratch_databases()
    said = [platform.cift(credentials, *words) for words in CHECKS]
    holding = re.findall(r"^\w+ +ok ", said[0], re.MULTILINE)
    movements = platform.movements()
    receipts = Counter((each["provider"], each["receipt"]) for each in movements)
    twice = [name for name, count in receipts.items() if count > 1]
    report.note(
        "verify_books",
        {"invariants_hold": len(holding), "movements": len(movements), "twice": twice},
    )
    report.check(bool(holding), f"verify-books checked nothing: {said[0]}")
    report.check(not twice, f"moved twice: {twice}")
    for words in dict.fromkeys(one for rail in local_rails().values() for one in rail.checks):
        platform.cift(credentials, *words, within=ON_CHAINS)
    with contextlib.suppress(TimeoutError):
        until(_are_equal, "equal balances", within_s=POSTED_WITHIN_S)
    ours, theirs = _balances()
    report.check(ours == theirs, f"our balances at providers: {ours}, by their records: {theirs}")


def _are_equal() -> bool:
    ours, theirs = _balances()
    return ours == theirs


def _balances() -> tuple[Balances, Balances]:
    return servers.balances_at_providers(), twin_balances(platform.movements())
