"""``POST /mpesa/accountbalance/v1/query``: the balances of a short code's accounts.

Source: Daraja documentation, "Account Balance": accounts joined by ``&``, fields by ``|``.
"""

from typing import Any

from provider_sandbox.clock import nairobi
from provider_sandbox.daraja import accounts, jobs
from provider_sandbox.daraja.wire import BalanceQuery
from provider_sandbox.twin import Twin

OPERATION = "daraja.balance"


def schedule(twin: Twin, job: jobs.Job, query: BalanceQuery) -> list[int]:
    """Schedule the query."""
    return job.schedule(twin, execute, {"short_code": query.short_code})


def execute(twin: Twin, payload: dict[str, Any]) -> list[int]:
    """Scheduled event: answer with the balances of one of our short codes."""
    job = jobs.Job(**payload["job"])
    lines = {
        twin.settings.short_code: [("Utility Account", accounts.PAYBILL)],
        twin.settings.b2c_short_code: [
            ("Utility Account", accounts.UTILITY),
            ("Charges Paid Account", accounts.CHARGES),
        ],
    }.get(payload["short_code"])
    code = job.forced_code or ("2028" if lines is None else None)
    if code is not None or lines is None:
        return jobs.answer(twin, job, jobs.Result(code=code or "2028"))
    text = "&".join(["Working Account|KES|0.00|0.00|0.00|0.00", *(_line(twin, *x) for x in lines)])
    parameters: jobs.Parameters = [
        ("AccountBalance", text),
        ("BOCompletedTime", int(nairobi(twin.clock.now()).strftime("%Y%m%d%H%M%S"))),
    ]
    return jobs.answer(twin, job, jobs.Result(code="0", parameters=parameters))


def _line(twin: Twin, name: str, account: str) -> str:
    funds = accounts.shillings(accounts.balance_cents(twin, account))
    return f"{name}|KES|{funds}|{funds}|0.00|0.00"
