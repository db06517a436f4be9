"""Daraja's rules for request bodies, without I/O: a body becomes a request or a DarajaError.

Sources: Daraja documentation of M-Pesa Express, Express Query, Business To Customer, Transaction
Status, Reversal and Account Balance; numbers may be JSON numbers or strings, as in its samples.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from provider_sandbox.daraja.errors import DarajaError, invalid, refused
from provider_sandbox.daraja.wire import (
    BalanceQuery,
    Credentials,
    Initiator,
    Payout,
    ReversalRequest,
    StatusQuery,
    StkPush,
)

Body = Mapping[str, Any]

STK_MIN_KES, STK_MAX_KES = 1, 250_000
PAYOUT_MIN_KES, PAYOUT_MAX_KES = 10, 250_000

_MSISDN = re.compile(r"254[17]\d{8}")
_SHORT_CODE = re.compile(r"\d{5,7}")
_REFERENCE = re.compile(r"[A-Za-z0-9]{1,12}")
_RECEIPT = re.compile(r"[A-Z0-9]{10}")
_TRANSACTION_TYPES = frozenset({"CustomerPayBillOnline", "CustomerBuyGoodsOnline"})
_PAYOUT_COMMANDS = frozenset({"BusinessPayment", "SalaryPayment", "PromotionPayment"})
_REFUSED_HOSTS = ("ngrok", "mockbin", "requestbin")
_REFUSED_WORDS = re.compile("mpesa|m-pesa|safaricom|exe|cmd|sql|query", re.IGNORECASE)


def text(body: Body, field: str, *, longest: int, shortest: int = 1) -> str:
    """A string or whole number as text.

    Raises:
        DarajaError: it is missing, has another type, or a wrong length (in characters).
    """
    value = body.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise invalid(field)
    word = str(value)
    if not shortest <= len(word.strip()) <= len(word) <= longest:
        raise invalid(field)
    return word


def optional_text(body: Body, field: str, *, longest: int) -> str | None:
    """A text that may be missing or empty."""
    if body.get(field) in (None, ""):
        return None
    return text(body, field, longest=longest)


def shaped(body: Body, field: str, shape: re.Pattern[str]) -> str:
    """A text that a pattern matches as a whole."""
    word = text(body, field, longest=100)
    if not shape.fullmatch(word):
        raise invalid(field)
    return word


def whole_shillings(body: Body, *, least: int, most: int) -> int:
    """``Amount``: digits only, no fraction, in whole shillings."""
    word = text(body, "Amount", longest=12)
    if not word.isascii() or not word.isdigit() or not least <= int(word) <= most:
        raise invalid("Amount")
    return int(word)


def address(body: Body, field: str, *, refuse_words: bool) -> str:
    """A callback address.

    Refused are: hosts of tunnels and request bins, capitals in the host, and the words that
    Safaricom refuses. Its documentation states these words for C2B registration, and the sandbox
    accepts some of them for STK; a caller that avoids them is accepted everywhere. The host is not
    resolved.
    """
    url = text(body, field, longest=1024)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise invalid(field) from None
    if parts.scheme not in ("http", "https") or not host or parts.netloc != parts.netloc.lower():
        raise invalid(field)
    if any(word in host for word in _REFUSED_HOSTS):
        raise invalid(field)
    if refuse_words and _REFUSED_WORDS.search(url):
        raise invalid(field)
    return url


def credentials(body: Body) -> Credentials:
    """Short code, password and timestamp; only their format is checked."""
    short_code = shaped(body, "BusinessShortCode", _SHORT_CODE)
    password = text(body, "Password", longest=500)
    return Credentials(
        short_code=short_code, password=password, timestamp=_timestamp(body, "Timestamp")
    )


def check_merchant(given: Credentials, *, short_code: str, passkey: str) -> None:
    """Check that the short code is ours and that the password matches it.

    Raises:
        DarajaError: 500.001.1001; its text names the one that is wrong.
    """
    if given.short_code != short_code:
        raise refused("Merchant does not exist")
    try:
        plain = base64.b64decode(given.password, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise refused("Wrong credentials") from None
    if plain != f"{short_code}{passkey}{given.timestamp}":
        raise refused("Wrong credentials")


def stk_push(body: Body, *, refuse_words: bool) -> StkPush:
    """An M-Pesa Express request."""
    given = credentials(body)
    kind = text(body, "TransactionType", longest=40)
    if kind not in _TRANSACTION_TYPES:
        raise invalid("TransactionType")
    amount = whole_shillings(body, least=STK_MIN_KES, most=STK_MAX_KES)
    shaped(body, "PartyA", _MSISDN)
    party_b = shaped(body, "PartyB", _SHORT_CODE)
    phone = shaped(body, "PhoneNumber", _MSISDN)
    url = address(body, "CallBackURL", refuse_words=refuse_words)
    reference = shaped(body, "AccountReference", _REFERENCE)
    optional_text(body, "TransactionDesc", longest=13)
    return StkPush(
        credentials=given,
        transaction_type=kind,
        amount=amount,
        party_b=party_b,
        phone=phone,
        callback_url=url,
        account_reference=reference,
    )


def initiator(body: Body, *, name_field: str, refuse_words: bool) -> Initiator:
    """Operator name, encrypted password and the two callback addresses."""
    credential = text(body, "SecurityCredential", longest=2048)
    try:
        base64.b64decode(credential, validate=True)
    except binascii.Error:
        raise invalid("SecurityCredential") from None
    return Initiator(
        name=text(body, name_field, longest=100),
        credential=credential,
        result_url=address(body, "ResultURL", refuse_words=refuse_words),
        timeout_url=address(body, "QueueTimeOutURL", refuse_words=refuse_words),
    )


def payout(body: Body, *, refuse_words: bool) -> Payout:
    """A B2C v3 request; the result, not this check, reports an amount outside the limits."""
    originator_id = text(body, "OriginatorConversationID", longest=100)
    operator = initiator(body, name_field="InitiatorName", refuse_words=refuse_words)
    if body.get("CommandID") not in _PAYOUT_COMMANDS:
        raise invalid("CommandID")
    amount = whole_shillings(body, least=1, most=10**9)
    short_code = shaped(body, "PartyA", _SHORT_CODE)
    phone = shaped(body, "PartyB", _MSISDN)
    text(body, "Remarks", shortest=2, longest=100)
    # The documentation of v3 spells this field with a double s, the other APIs do not.
    optional_text(body, "Occassion", longest=100)
    optional_text(body, "Occasion", longest=100)
    return Payout(
        initiator=operator,
        originator_id=originator_id,
        amount=amount,
        short_code=short_code,
        phone=phone,
    )


def status_query(body: Body, *, refuse_words: bool) -> StatusQuery:
    """A transaction status request; without any id the result is code 25."""
    operator = initiator(body, name_field="Initiator", refuse_words=refuse_words)
    _command(body, "TransactionStatusQuery")
    short_code = shaped(body, "PartyA", _SHORT_CODE)
    _literal(body, "IdentifierType", "4")
    text(body, "Remarks", longest=100)
    optional_text(body, "Occasion", longest=100)
    return StatusQuery(
        initiator=operator,
        short_code=short_code,
        receipt=optional_text(body, "TransactionID", longest=40),
        conversation_id=optional_text(body, "OriginalConversationID", longest=100),
    )


def reversal(body: Body, *, refuse_words: bool) -> ReversalRequest:
    """A reversal request; Daraja itself spells ``RecieverIdentifierType``: 11 now, 4 before."""
    operator = initiator(body, name_field="Initiator", refuse_words=refuse_words)
    _command(body, "TransactionReversal")
    receipt = shaped(body, "TransactionID", _RECEIPT)
    amount = whole_shillings(body, least=1, most=10**9)
    short_code = shaped(body, "ReceiverParty", _SHORT_CODE)
    _literal(body, "RecieverIdentifierType", "11", "4")
    text(body, "Remarks", shortest=2, longest=100)
    optional_text(body, "Occasion", longest=100)
    return ReversalRequest(
        initiator=operator, short_code=short_code, receipt=receipt, amount=amount
    )


def balance_query(body: Body, *, refuse_words: bool) -> BalanceQuery:
    """An account balance request."""
    operator = initiator(body, name_field="Initiator", refuse_words=refuse_words)
    _command(body, "AccountBalance")
    short_code = shaped(body, "PartyA", _SHORT_CODE)
    _literal(body, "IdentifierType", "4")
    text(body, "Remarks", longest=100)
    return BalanceQuery(initiator=operator, short_code=short_code)


def require_object(body: object) -> Body:
    """The body as a JSON object that is not empty.

    Raises:
        DarajaError: it is not an object, or it is empty.
    """
    if not isinstance(body, dict):
        raise DarajaError(400, "400.002.05", "Invalid Request Payload")
    if not body:
        raise DarajaError(400, "400.003.02", "Bad Request")
    return body


def _timestamp(body: Body, field: str) -> str:
    word = shaped(body, field, re.compile(r"\d{14}"))
    try:
        datetime.strptime(word, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only its form is checked
    except ValueError:
        raise invalid(field) from None
    return word


def _command(body: Body, wanted: str) -> None:
    _literal(body, "CommandID", wanted)


def _literal(body: Body, field: str, *allowed: str) -> None:
    if text(body, field, longest=100) not in allowed:
        raise invalid(field)
