"""What a payment is paid with: a phone, a card's token, or something saved before."""

from uuid import UUID

from cift_shared.messages import Instrument
from gateway.auth import Caller
from gateway.context import Gateway
from gateway.instruments import CARD, card_instrument, phone_instrument, saved_instrument
from gateway.phones import normalised
from gateway.problems import Problem, body_problem
from gateway.schemas import PaymentIn, PaymentMethodIn

_FIELDS_OF = {CARD: {"token", "id"}}
_PHONE_FIELDS = {"phone", "country", "id"}
_WANTED = {CARD: "Either a token or the id of a saved one."}
_PHONE_WANTED = "Either a phone or the id of a saved one."


def check_offered(method: str, gateway: Gateway) -> None:
    """Refuse a method that this deployment has not set up.

    Raises:
        Problem: method_unavailable.
    """
    if method == CARD and not gateway.settings.cards_offered:
        raise body_problem("method_unavailable", "Cards are not set up here.", "/method")


async def chosen_instrument(order: PaymentIn, gateway: Gateway, caller: Caller) -> Instrument:
    """The instrument of an order.

    Raises:
        Problem: not exactly one, not one of this method, or not a usable one of this customer.
        InvalidCommand: not a phone number.
    """
    given = order.payment_method
    _check_choice(order, given)
    if given.id is not None:
        return await _saved(order, given.id, gateway, caller)
    if given.token is not None:
        return card_instrument(given.token, gateway.vault)
    phone = normalised(given.phone or "", given.country, pointer="/payment_method")
    return phone_instrument(phone, given.country, gateway.vault)


def _check_choice(order: PaymentIn, given: PaymentMethodIn) -> None:
    chosen = [value for value in (given.phone, given.token, given.id) if value is not None]
    fitting = _FIELDS_OF.get(order.method, _PHONE_FIELDS)
    if len(chosen) != 1 or given.model_fields_set - fitting:
        wanted = _WANTED.get(order.method, _PHONE_WANTED)
        raise body_problem("payment_method_invalid", wanted, "/payment_method")
    if order.off_session and (order.method != CARD or given.id is None):
        raise body_problem(
            "payment_method_invalid", "Off session only a saved card can be used.", "/off_session"
        )


async def _saved(order: PaymentIn, method_id: UUID, gateway: Gateway, caller: Caller) -> Instrument:
    saved = await gateway.methods.one(caller, method_id)
    wanted = (order.customer_id, order.method)
    if saved is None or (saved["customer_id"], saved["method"]) != wanted:
        raise _unusable("The customer has no such saved method.")
    if saved["state"] != "active":
        raise _unusable(f"The saved method is not usable: its status is {saved['state']}.")
    return saved_instrument(saved)


def _unusable(detail: str) -> Problem:
    return body_problem("payment_method_invalid", detail, "/payment_method/id")
