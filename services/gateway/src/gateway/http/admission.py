"""Admit a request: a valid API key, within its rate limit, with a scope that the route accepts."""

from collections.abc import Sequence

from starlette.requests import Request

from gateway.auth.authenticator import Authenticator, Caller, Scope
from gateway.http.limits import SourceRate
from gateway.problems.problem import Problem


class Admission:
    """Checks the caller's API key, its request rate and its scopes."""

    def __init__(self, authenticator: Authenticator, rate: SourceRate) -> None:
        self._authenticator = authenticator
        self._rate = rate

    async def admit(self, request: Request, scopes: Sequence[Scope]) -> None:
        """Set `request.state.caller`, or refuse.

        Raises:
            Problem: unauthenticated, too_many_requests or scope_missing.
        """
        caller = await self._authenticator.caller(request)
        request.state.caller = caller
        if not self._rate.allows(caller.key_id):
            raise Problem("too_many_requests")
        caller.require(*scopes)

    def count(self, caller: Caller, requests: int) -> None:
        """Count more requests of a caller that was admitted.

        Raises:
            Problem: too_many_requests.
        """
        if not self._rate.allows_many(caller.key_id, requests):
            raise Problem("too_many_requests")
