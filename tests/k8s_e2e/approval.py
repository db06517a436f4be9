"""A withdrawal above the signer's limit waits until a person with an own login approves it."""

from tests.k8s_e2e import platform, servers
from tests.k8s_e2e.credentials import APPROVER, Credentials
from tests.k8s_e2e.kube import AROUND, ClusterError, execute
from tests.k8s_e2e.steps import Report
from tests.k8s_e2e.waiting import until

AMOUNT = "0.00750000"
"""Above the limit in the overlay's providers.env, and less than the demo's customer has."""
WATCHER = "crypto-watcher"
WAITS_WITHIN_S = 60


def approval(report: Report, credentials: Credentials, api_key: str, customer: str) -> None:
    """A service may not approve, the person may, and then the withdrawal is paid."""
    servers.create_approver(credentials)
    payment = _withdrawal(api_key, "request", customer, AMOUNT)
    until(
        lambda: payment in _wallet(credentials, APPROVER, "approvals"),
        "a withdrawal that waits for approval",
        within_s=WAITS_WITHIN_S,
    )
    decision = ("approve", payment, "--operator", APPROVER, "--reason", "k8s-e2e", "--yes")
    said = _refusal(credentials, WATCHER, *decision)
    report.check("may not act as" in said, f"the watcher approves by itself: {said!r}")
    _wallet(credentials, APPROVER, *decision)
    status = _withdrawal(api_key, "end", payment)
    report.note("approval", {"refused": bool(said), "status": status})
    report.check(status == "completed", f"the approved withdrawal is {status}")


def _wallet(credentials: Credentials, login: str, *words: str) -> str:
    return platform.cift(credentials, "wallet", *words, within=WATCHER, login=login)


def _refusal(credentials: Credentials, login: str, *words: str) -> str:
    try:
        _wallet(credentials, login, *words)
    except ClusterError as error:
        return str(error)
    return ""


def _withdrawal(api_key: str, *words: str) -> str:
    program = ("env", f"CIFT_API_KEY={api_key}", "python", "/programs/withdrawal.py", *words)
    return execute("payer-0", *program, container="payer", namespace=AROUND).strip()
