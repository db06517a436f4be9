"""A payer returns from a provider's page: the worker queries the provider about the payment.

The request is only a hint: it proves nothing about the payment, and everyone who has the address
can send it again. So it causes at most one query in `VERIFY_EVERY`.
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
    """Handles payers who return from a provider's page."""

    repository: ReturnRepository
    payments: Payments
    tokens: ReturnTokens

    async def take(self, token: str) -> str | None:
        """Have the worker query the provider; returns the address to redirect to, None: no address.

        Raises:
            Problem: not_found: the token is not valid, or its payment does not exist.
        """
        payer_return = self.tokens.read(token)
        payment = (
            None if payer_return is None else await self.repository.one(payer_return.payment_id)
        )
        if payer_return is None or payment is None:
            raise Problem("not_found")
        if payment["status"] not in FINAL_STATUSES:
            await self.payments.query_now(payment)
        return redirect_url(payment["return_url"], payer_return) if payment["return_url"] else None


def redirect_url(return_url: str, payer_return: PayerReturn) -> str:
    """The merchant's address with two more parameters: `payment_id`, and what the `payer` did."""
    url = urlsplit(return_url)
    payer = "canceled" if payer_return.canceled else "returned"
    added = urlencode({"payment_id": payer_return.payment_id, "payer": payer})
    return urlunsplit(url._replace(query=f"{url.query}&{added}" if url.query else added))
