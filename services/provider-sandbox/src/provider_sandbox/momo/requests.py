"""Read and check the requests that move money.

Source: momodeveloper.mtn.com, "Collection" (RequestToPay) and "Disbursement" (Transfer, Refund).
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from provider_sandbox.momo import access
from provider_sandbox.momo.errors import MomoError, refused
from provider_sandbox.momo.places import Place
from provider_sandbox.twin import Twin

_WHOLE, _CENTS = re.compile(r"[1-9]\d{0,11}"), re.compile(r"\d{1,12}(\.\d{1,2})?")
_NOTE_CHARS_MAX = 160
PARTY = {"collection": "payer", "transfer": "payee"}
"""The field of the other party, by kind; a refund has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A checked request to move money."""

    place: Place
    reference_id: str
    kind: str
    """``collection``, ``transfer`` or ``refund``."""
    amount: int
    amount_text: str
    external_id: str
    msisdn: str
    """The other party; "" for a refund."""
    refunds: str
    """The id of the collection that is refunded, else ""."""
    callback_url: str
    payer_message: str
    payee_note: str


def read(twin: Twin, headers: Headers, kind: str, body: Any) -> Wish:
    """The request, after the checks that MTN makes before it accepts one.

    Raises:
        MomoError: 400 or 401.
    """
    product = "collection" if kind == "collection" else "disbursement"
    place, user = access.caller(twin, headers, product)
    reference = access.uuid4_of(headers.get("x-reference-id", ""))
    if not isinstance(body, dict):
        raise MomoError(400)
    callback = headers.get("x-callback-url", "")
    if callback and urlsplit(callback).hostname not in access.callback_hosts(twin, place, user):
        raise refused(400, "INVALID_CALLBACK_URL_HOST", "Callback URL host is not allowed.")
    if body.get("currency") != place.currency:
        raise refused(400, "INVALID_CURRENCY", "Currency not supported.")
    text = body.get("amount")
    form = _CENTS if place is access.SANDBOX else _WHOLE
    if not isinstance(text, str) or form.fullmatch(text) is None or not text.strip("0."):
        raise MomoError(400)
    return Wish(
        place=place,
        reference_id=reference,
        kind=kind,
        amount=int(text.partition(".")[0]),
        amount_text=text,
        external_id=_text(body, "externalId"),
        msisdn=_party(place, kind, body),
        refunds=_text(body, "referenceIdToRefund") if kind == "refund" else "",
        callback_url=callback,
        payer_message=_note(body, "payerMessage"),
        payee_note=_note(body, "payeeNote"),
    )


def _party(place: Place, kind: str, body: dict[str, Any]) -> str:
    if kind not in PARTY:
        return ""
    party = body.get(PARTY[kind])
    number = party.get("partyId") if isinstance(party, dict) else None
    if not isinstance(party, dict) or party.get("partyIdType") != "MSISDN":
        raise MomoError(400)
    if not isinstance(number, str) or re.fullmatch(place.msisdn, number) is None:
        raise MomoError(400)
    return number


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise MomoError(400)
    return value


def _note(body: dict[str, Any], name: str) -> str:
    note = body.get(name, "")
    if not isinstance(note, str) or len(note) >= _NOTE_CHARS_MAX or not note.isascii():
        raise MomoError(400)
    return note
