"""Find the instrument that a payment names: a new one, or a saved method."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cift_shared.messaging.instruments import Instrument
from cift_shared.rails.instruments import InstrumentKind
from cift_shared.rails.rail import Rail
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.payment_methods.instruments import saved_instrument, sealed_instrument
from gateway.payment_methods.kinds import off_session_kinds, saved_kind
from gateway.payment_methods.repository import MethodRepository
from gateway.payment_methods.requests import PaymentMethodIn
from gateway.problems.problem import Problem, body_problem

_POINTER = "/payment_method"


def check_choice(kind: InstrumentKind, given: PaymentMethodIn | None, *, off_session: bool) -> None:
    """Refuse a payment that does not name exactly one instrument of its kind.

    Raises:
        Problem: payment_method_invalid; validation_failed when there is none at all.
    """
    if given is None and kind.is_optional and not off_session:
        return
    if given is None and kind.chosen_by is not None:
        raise _missing()
    named = given.fields() if given else {}
    saved = given is not None and given.id is not None
    if named.keys() - kind.accepts.model_fields or not _names_one(kind, named, saved=saved):
        raise body_problem("payment_method_invalid", kind.wanted, _POINTER)
    if off_session and not (saved and kind.saving and kind.saving.off_session):
        advice = f"Off session only a saved {off_session_kinds()} can be used."
        raise body_problem("payment_method_invalid", advice, "/off_session")


def _missing() -> Problem:
    error = {"pointer": _POINTER, "code": "field_required", "detail": "Field required"}
    return Problem("validation_failed", "Field required.", errors=[error])


def _names_one(kind: InstrumentKind, named: dict[str, object], *, saved: bool) -> bool:
    if kind.chosen_by is None:
        return not saved
    if saved:
        return kind.saving is not None and named.get(kind.chosen_by) is None
    return named.get(kind.chosen_by) is not None


@dataclass(frozen=True, slots=True)
class Payer:
    """The owner and the rail that the instrument must have."""

    caller: Caller
    customer_id: str
    rail: Rail


@dataclass(slots=True, eq=False)
class InstrumentResolver:
    """Converts what a payment names into an instrument for the worker."""

    repository: MethodRepository
    vault: Vault
    offered: Mapping[str, frozenset[str]]
    """The rails that this deployment has set up, with their currencies."""

    def check_offered(self, rail: Rail, currency: str | None = None) -> None:
        """Refuse a rail, or a currency of it, that this deployment has not set up.

        Raises:
            Problem: method_unavailable, currency_unsupported.
        """
        if rail.name not in self.offered:
            raise body_problem("method_unavailable", f"{rail.name} is not set up here.", "/method")
        if currency is not None and currency not in self.offered[rail.name]:
            detail = f"{rail.name} does not move {currency} here."
            raise body_problem("currency_unsupported", detail, "/currency")

    async def resolve(
        self, kind: InstrumentKind, given: PaymentMethodIn | None, payer: Payer
    ) -> Instrument:
        """The instrument that a checked choice (`check_choice`) names.

        Raises:
            Problem: the customer has no such saved method, or it is not usable.
            InvalidCommand: the rail can't read the instrument.
        """
        if given is not None and given.id is not None:
            return await self._saved(given.id, payer)
        fields = kind.accepts.model_validate(given.fields() if given else {})
        return sealed_instrument(kind.read(fields, _POINTER), kind, self.vault)

    async def _saved(self, method_id: UUID, payer: Payer) -> Instrument:
        saved = await self.repository.one(payer.caller, method_id)
        wanted = (payer.customer_id, payer.rail.name)
        if saved is None or (saved["customer_id"], saved["rail"]) != wanted:
            raise _unusable("The customer has no such saved method.")
        if saved["state"] != "active":
            raise _unusable(f"The saved method is not usable: its status is {saved['state']}.")
        return saved_instrument(saved, saved_kind(saved))


def _unusable(detail: str) -> Problem:
    return body_problem("payment_method_invalid", detail, f"{_POINTER}/id")
