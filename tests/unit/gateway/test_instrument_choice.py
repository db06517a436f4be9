"""A payment names exactly one instrument of its rail's kind, or none where the rail needs none."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from card_method.instruments import CARDS
from cift_shared.errors import InvalidCommand
from cift_shared.rails.instruments import NO_FIELDS, InstrumentKind, Named, Shown
from cift_shared.rails.registry import rails
from gateway.auth.authenticator import Caller
from gateway.payment_methods.instrument_resolver import InstrumentResolver, Payer, check_choice
from gateway.payment_methods.kinds import saving_of
from gateway.payment_methods.requests import PaymentMethodIn
from gateway.problems.problem import Problem
from mpesa_method.instruments import PHONES
from tests.support.commands import VAULT

SAVED = UUID(int=7)
NONE = InstrumentKind(
    kind="wallet",
    accepts=NO_FIELDS,
    chosen_by=None,
    wanted="This method takes no instrument.",
    read=lambda _given, _pointer: Named("", {}),
    shows=Shown,
    display=lambda _public: "wallet",
    before_public=lambda _stored: {},
)
UNSAVED = replace(PHONES, saving=None)
OPTIONAL = replace(CARDS, is_optional=True, accepts=NO_FIELDS)
"""The payer chooses at the provider, or the payment names a saved one."""
PHONE, TOKEN = {"phone": "0712345678"}, {"token": "pm_1"}


def refused(kind: InstrumentKind, given: dict[str, Any] | None, **options: bool) -> str | None:
    """The code of the refusal; None when it is accepted."""
    chosen = None if given is None else PaymentMethodIn.model_validate(given)
    try:
        check_choice(kind, chosen, off_session=options.get("off_session", False))
    except Problem as problem:
        return problem.code
    return None


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (PHONES, PHONE), (PHONES, {**PHONE, "country": "KE"}), (PHONES, {"id": SAVED}),
        (PHONES, {"id": SAVED, "country": "KE"}), (CARDS, TOKEN), (CARDS, {"id": SAVED}),
        (NONE, None), (NONE, {}), (OPTIONAL, None), (OPTIONAL, {"id": SAVED}),
    ],
)  # fmt: skip
def test_one_is_accepted(kind: InstrumentKind, given: dict[str, Any] | None) -> None:
    assert refused(kind, given) is None


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (PHONES, {}), (PHONES, {"country": "KE"}), (PHONES, {**PHONE, "id": SAVED}),
        (PHONES, TOKEN), (PHONES, {**PHONE, **TOKEN}), (CARDS, PHONE), (CARDS, {}),
        (CARDS, {**TOKEN, "id": SAVED}), (CARDS, {**TOKEN, "country": "KE"}),
        (NONE, PHONE), (NONE, {"id": SAVED}), (OPTIONAL, {}), (OPTIONAL, TOKEN),
        (UNSAVED, {"id": SAVED}),
    ],
)  # fmt: skip
def test_another_choice_is_refused(kind: InstrumentKind, given: dict[str, Any]) -> None:
    assert refused(kind, given) == "payment_method_invalid"


@pytest.mark.parametrize("kind", [PHONES, CARDS])
def test_none_at_all_is_a_missing_field(kind: InstrumentKind) -> None:
    assert refused(kind, None) == "validation_failed"


@pytest.mark.parametrize(
    ("kind", "given", "code"),
    [
        (CARDS, {"id": SAVED}, None), (CARDS, TOKEN, "payment_method_invalid"),
        (PHONES, {"id": SAVED}, "payment_method_invalid"),
        (PHONES, PHONE, "payment_method_invalid"), (NONE, None, "payment_method_invalid"),
        (OPTIONAL, None, "validation_failed"), (OPTIONAL, {"id": SAVED}, None),
    ],
)  # fmt: skip
def test_who_can_pay_while_absent(
    kind: InstrumentKind, given: dict[str, Any] | None, code: str | None
) -> None:
    assert refused(kind, given, off_session=True) == code


def test_the_place_of_a_refusal() -> None:
    for kind, given, off_session, pointer in (
        (PHONES, {}, False, "/payment_method"),
        (PHONES, PHONE, True, "/off_session"),
        (PHONES, None, False, "/payment_method"),
    ):
        chosen = None if given is None else PaymentMethodIn.model_validate(given)
        with pytest.raises(Problem) as refusal:
            check_choice(kind, chosen, off_session=off_session)
        assert [error["pointer"] for error in refusal.value.errors] == [pointer]


class Kept:
    """The saved methods of one merchant, in memory."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = {row["payment_method_id"]: row for row in rows}

    async def one(self, caller: Caller, method_id: UUID) -> dict[str, Any] | None:
        row = self.rows.get(method_id)
        return row if row and row["merchant_id"] == caller.merchant_id else None


CALLER = Caller("k", "m_1", livemode=False, scopes=frozenset())
PAYER = Payer(CALLER, "c_1", rails()["mpesa"])
ROW = {
    "payment_method_id": SAVED, "merchant_id": "m_1", "customer_id": "c_1", "method": "mpesa",
    "rail": "mpesa", "kind": "phone", "state": "active", "display": "2547****678",
    "country": "KE",
    "sealed": VAULT.seal(b"254712345678", context="phone"), "customer_sealed": None,
    "public": {"phone": "2547****678", "country": "KE"}, "card": None,
}  # fmt: skip


def resolver(**changed: Any) -> InstrumentResolver:
    kept: Any = Kept({**ROW, **changed})
    return InstrumentResolver(kept, VAULT, {"mpesa": frozenset({"KES"})})


def chosen(**given: Any) -> PaymentMethodIn:
    return PaymentMethodIn.model_validate(given)


async def test_a_new_phone_is_sealed_for_its_worker() -> None:
    instrument = await resolver().resolve(PHONES, chosen(phone="0712 345 678"), PAYER)
    assert VAULT.open(instrument.sealed, context="phone") == b"254712345678"
    assert (instrument.kind, instrument.display) == ("phone", "2547****678")
    assert (instrument.country, instrument.public) == ("KE", ROW["public"])


async def test_a_phone_that_cannot_be_read_is_refused_at_its_place() -> None:
    with pytest.raises(InvalidCommand) as refusal:
        await resolver().resolve(PHONES, chosen(phone="0812345678"), PAYER)
    assert (refusal.value.code, refusal.value.pointer) == ("phone_invalid", "/payment_method/phone")


@pytest.mark.parametrize("given", [None, {}])
async def test_a_rail_that_needs_no_instrument_gets_an_empty_one(given: Any) -> None:
    made = await resolver().resolve(NONE, given if given is None else chosen(**given), PAYER)
    assert (made.kind, made.display, made.sealed, made.public) == ("wallet", "wallet", "", {})


async def test_a_saved_method_is_used_as_it_is() -> None:
    instrument = await resolver().resolve(PHONES, chosen(id=SAVED), PAYER)
    assert (instrument.sealed, instrument.display) == (ROW["sealed"], ROW["display"])


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"customer_id": "c_2"}, "The customer has no such saved method."),
        ({"rail": "card"}, "The customer has no such saved method."),
        ({"merchant_id": "m_2"}, "The customer has no such saved method."),
        ({"payment_method_id": UUID(int=8)}, "The customer has no such saved method."),
        ({"state": "requires_action"}, "The saved method is not usable: its status is"),
        ({"state": "pending"}, "The saved method is not usable: its status is"),
    ],
)
async def test_another_saved_method_is_refused(changed: dict[str, Any], detail: str) -> None:
    with pytest.raises(Problem, match="payment_method_invalid") as refusal:
        await resolver(**changed).resolve(PHONES, chosen(id=SAVED), PAYER)
    assert refusal.value.detail.startswith(detail)
    assert [error["pointer"] for error in refusal.value.errors] == ["/payment_method/id"]


def test_a_method_that_is_not_set_up_is_refused() -> None:
    resolver().check_offered(rails()["mpesa"])
    with pytest.raises(Problem, match="method_unavailable") as refusal:
        resolver().check_offered(rails()["card"])
    assert [error["pointer"] for error in refusal.value.errors] == ["/method"]


@pytest.mark.parametrize(("method", "kind"), [("mpesa", PHONES), ("card", CARDS)])
def test_what_a_method_keeps(method: str, kind: InstrumentKind) -> None:
    assert saving_of(rails()[method]) == (kind, kind.saving)
