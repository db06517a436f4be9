"""A payer comes back from a provider's page: the worker looks at the payment at once.

What the browser says is only a hint: it proves nothing about the payment, and anybody who has the
address can open it again. So one look in `VERIFY_EVERY` is all that it can cause.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from cift_shared.security.return_token import PayerReturn, ReturnTokens
from gateway.payments.service import Payments
from gateway.payments.statuses import FINAL_STATUSES
from gateway.problems.problem import Problem
from gateway.returns.repository import ReturnRepository


@dataclass(slots=True, eq=False)
class Returns:
    """The operations on returning payers."""

    repository: ReturnRepository
    payments: Payments
    tokens: ReturnTokens

    async def take(self, token: str) -> str | None:
        """Have the payment looked at; returns the address to send the payer on to, if there is one.

        Raises:
            Problem: not_found: not a token of ours, or its payment does not exist.
        """
        seen = self.tokens.read(token)
        payment = None if seen is None else await self.repository.one(seen.payment_id)
        if seen is None or payment is None:
            raise Problem("not_found")
        if payment["status"] not in FINAL_STATUSES:
            await self.payments.query_now(payment)
        return onward(payment["return_url"], seen) if payment["return_url"] else None


def onward(return_url: str, seen: PayerReturn) -> str:
    """The merchant's address with two parameters more: `payment_id`, and what the `payer` did."""
    url = urlsplit(return_url)
    payer = "canceled" if seen.canceled else "returned"
    added = urlencode({"payment_id": seen.payment_id, "payer": payer})
    return urlunsplit(url._replace(query=f"{url.query}&{added}" if url.query else added))
