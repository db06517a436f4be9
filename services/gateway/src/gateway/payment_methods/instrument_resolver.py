"""Find the instrument that a payment names: a phone, a card's token, or a saved method."""

from collections.abc import Container
from dataclasses import dataclass
from uuid import UUID

from cift_shared.messaging.messages import Instrument
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.payment_methods.instruments import (
    CARD,
    card_instrument,
    phone_instrument,
    saved_instrument,
)
from gateway.payment_methods.phones import normalised
from gateway.payment_methods.repository import MethodRepository
from gateway.payment_methods.requests import PaymentMethodIn
from gateway.problems.problem import Problem, body_problem

_FIELDS_OF = {CARD: {"token", "id"}}
_PHONE_FIELDS = {"phone", "country", "id"}
_WANTED = {CARD: "Either a token or the id of a saved one."}
_PHONE_WANTED = "Either a phone or the id of a saved one."


def check_choice(method: str, given: PaymentMethodIn, *, off_session: bool) -> None:
    """Refuse a payment that does not name exactly one instrument of its method.

    Raises:
        Problem: payment_method_invalid.
    """
    chosen = [value for value in (given.phone, given.token, given.id) if value is not None]
    fitting = _FIELDS_OF.get(method, _PHONE_FIELDS)
    if len(chosen) != 1 or given.model_fields_set - fitting:
        wanted = _WANTED.get(method, _PHONE_WANTED)
        raise body_problem("payment_method_invalid", wanted, "/payment_method")
    if off_session and (method != CARD or given.id is None):
        raise body_problem(
            "payment_method_invalid", "Off session only a saved card can be used.", "/off_session"
        )


@dataclass(frozen=True, slots=True)
class Payer:
    """The owner and the method that the instrument must have."""

    caller: Caller
    customer_id: str
    method: str


@dataclass(slots=True, eq=False)
class InstrumentResolver:
    """Converts what a payment names into an instrument for the worker."""

    repository: MethodRepository
    vault: Vault
    offered: Container[str]
    """The methods that this deployment has set up."""

    def check_offered(self, method: str) -> None:
        """Refuse a method that this deployment has not set up.

        Raises:
            Problem: method_unavailable.
        """
        if method not in self.offered:
            raise body_problem("method_unavailable", f"{method} is not set up here.", "/method")

    async def resolve(self, given: PaymentMethodIn, payer: Payer) -> Instrument:
        """The instrument that a checked choice (`check_choice`) names.

        Raises:
            Problem: the customer has no such saved method, or it is not usable.
            InvalidCommand: not a phone number.
        """
        if given.id is not None:
            return await self._saved(given.id, payer)
        if given.token is not None:
            return card_instrument(given.token, self.vault)
        phone = normalised(given.phone or "", given.country, pointer="/payment_method")
        return phone_instrument(phone, given.country, self.vault)

    async def _saved(self, method_id: UUID, payer: Payer) -> Instrument:
        saved = await self.repository.one(payer.caller, method_id)
        wanted = (payer.customer_id, payer.method)
        if saved is None or (saved["customer_id"], saved["method"]) != wanted:
            raise _unusable("The customer has no such saved method.")
        if saved["state"] != "active":
            raise _unusable(f"The saved method is not usable: its status is {saved['state']}.")
        return saved_instrument(saved)


def _unusable(detail: str) -> Problem:
    return body_problem("payment_method_invalid", detail, "/payment_method/id")
