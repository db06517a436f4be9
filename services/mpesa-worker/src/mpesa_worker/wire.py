"""Models of Daraja's requests, answers and callbacks, with its own field names.

Requests are validated strictly. Answers and callbacks are parsed leniently: unknown fields are
ignored, a list may be a single object, values may be missing, numbers keep their decimal digits.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cift_shared.http.untrusted_json import read_object

TEXT_CHARS_MAX = 200
"""Maximum length of an id, a code or a word; real ones have a few dozen characters. A longer value
is refused."""
TOKEN_CHARS_MAX = 4_000
_LIFETIME_S_MAX = 30 * 24 * 60 * 60


def _as_text(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return value
    return str(value).strip()


def _as_list(value: object) -> object:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


Code = Annotated[str, BeforeValidator(_as_text)]
"""A result code, sent as a number or as text."""

Label = Annotated[str | None, BeforeValidator(_as_text)]
"""An id or a word that may be missing."""


class Request(BaseModel):
    """Base of every request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def document(self) -> dict[str, Any]:
        """The JSON body for Daraja."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StkPush(Request):
    """`POST /mpesa/stkpush/v1/processrequest`."""

    short_code: str = Field(serialization_alias="BusinessShortCode")
    password: str = Field(serialization_alias="Password", repr=False)
    timestamp: str = Field(serialization_alias="Timestamp")
    transaction_type: str = Field(serialization_alias="TransactionType")
    amount: int = Field(serialization_alias="Amount")
    """In whole shillings, here and in every request."""
    party_a: str = Field(serialization_alias="PartyA", repr=False)
    party_b: str = Field(serialization_alias="PartyB")
    phone: str = Field(serialization_alias="PhoneNumber", repr=False)
    callback_url: str = Field(serialization_alias="CallBackURL", repr=False)
    account_reference: str = Field(serialization_alias="AccountReference")
    description: str = Field(serialization_alias="TransactionDesc", max_length=13)


class StkQuery(Request):
    """`POST /mpesa/stkpushquery/v1/query`."""

    short_code: str = Field(serialization_alias="BusinessShortCode")
    password: str = Field(serialization_alias="Password", repr=False)
    timestamp: str = Field(serialization_alias="Timestamp")
    checkout_id: str = Field(serialization_alias="CheckoutRequestID", repr=False)


class Payout(Request):
    """`POST /mpesa/b2c/v3/paymentrequest`."""

    originator_id: str = Field(serialization_alias="OriginatorConversationID")
    """Our idempotency key, unique for each payout; Daraja refuses a second payout with it."""
    initiator: str = Field(serialization_alias="InitiatorName")
    credential: str = Field(serialization_alias="SecurityCredential", repr=False)
    command: str = Field(default="BusinessPayment", serialization_alias="CommandID")
    amount: int = Field(serialization_alias="Amount")
    short_code: str = Field(serialization_alias="PartyA")
    phone: str = Field(serialization_alias="PartyB", repr=False)
    remarks: str = Field(serialization_alias="Remarks", min_length=2, max_length=100)
    timeout_url: str = Field(serialization_alias="QueueTimeOutURL", repr=False)
    result_url: str = Field(serialization_alias="ResultURL", repr=False)


class StatusQuery(Request):
    """`POST /mpesa/transactionstatus/v1/query`."""

    initiator: str = Field(serialization_alias="Initiator")
    credential: str = Field(serialization_alias="SecurityCredential", repr=False)
    command: str = Field(default="TransactionStatusQuery", serialization_alias="CommandID")
    original_id: str | None = Field(default=None, serialization_alias="OriginalConversationID")
    """The `OriginatorConversationID` of the payout to query."""
    receipt: str | None = Field(default=None, serialization_alias="TransactionID")
    """The receipt to query, where there is no key of ours."""
    short_code: str = Field(serialization_alias="PartyA")
    identifier_type: str = Field(default="4", serialization_alias="IdentifierType")
    remarks: str = Field(serialization_alias="Remarks", min_length=2, max_length=100)
    timeout_url: str = Field(serialization_alias="QueueTimeOutURL", repr=False)
    result_url: str = Field(serialization_alias="ResultURL", repr=False)


class Reversal(Request):
    """`POST /mpesa/reversal/v1/request`; Daraja itself misspells `RecieverIdentifierType`."""

    initiator: str = Field(serialization_alias="Initiator")
    credential: str = Field(serialization_alias="SecurityCredential", repr=False)
    command: str = Field(default="TransactionReversal", serialization_alias="CommandID")
    receipt: str = Field(serialization_alias="TransactionID")
    amount: int = Field(serialization_alias="Amount")
    short_code: str = Field(serialization_alias="ReceiverParty")
    identifier_type: str = Field(default="11", serialization_alias="RecieverIdentifierType")
    remarks: str = Field(serialization_alias="Remarks", min_length=2, max_length=100)
    timeout_url: str = Field(serialization_alias="QueueTimeOutURL", repr=False)
    result_url: str = Field(serialization_alias="ResultURL", repr=False)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", str_max_length=TEXT_CHARS_MAX)


class AccessToken(_Reply):
    """Answer of `GET /oauth/v1/generate`; older samples have the lifetime as text."""

    model_config = ConfigDict(str_max_length=TOKEN_CHARS_MAX)

    access_token: str = Field(pattern=r"^[!-~]+$", repr=False)
    """Sent in a header, so only visible ASCII is allowed."""
    expires_in: int = Field(ge=0, le=_LIFETIME_S_MAX)


class StkAccepted(_Reply):
    """Daraja's answer to a push that it accepted."""

    merchant_request_id: str = Field(validation_alias="MerchantRequestID", min_length=1)
    checkout_id: str = Field(validation_alias="CheckoutRequestID", min_length=1, repr=False)


class StkState(_Reply):
    """Answer of an STK query; it has no receipt, no amount and no phone."""

    merchant_request_id: Label = Field(default=None, validation_alias="MerchantRequestID")
    checkout_id: Label = Field(default=None, validation_alias="CheckoutRequestID", repr=False)
    code: Code = Field(validation_alias="ResultCode")


class Acknowledgement(_Reply):
    """Answer to a request whose result Daraja posts later, to the request's own path."""

    conversation_id: Label = Field(default=None, validation_alias="ConversationID")
    originator_id: Label = Field(default=None, validation_alias="OriginatorConversationID")


class _Item(_Reply):
    name: Label = Field(default=None, validation_alias="Name")
    value: Any = Field(default=None, validation_alias="Value", repr=False)


class _Metadata(_Reply):
    items: Annotated[list[_Item], BeforeValidator(_as_list)] = Field(
        default=[], validation_alias="Item"
    )


class StkCallback(_Reply):
    """The callback about a push, posted once; it has metadata only when the push was paid."""

    merchant_request_id: Label = Field(default=None, validation_alias="MerchantRequestID")
    checkout_id: Label = Field(default=None, validation_alias="CheckoutRequestID", repr=False)
    code: Code = Field(validation_alias="ResultCode")
    metadata: _Metadata | None = Field(default=None, validation_alias="CallbackMetadata")

    def item(self, name: str) -> Any:
        """The value of the first item with this name and a value; positions are not used."""
        items = self.metadata.items if self.metadata else []
        return next((item.value for item in items if item.name == name and item.value), None)


class _Parameter(_Reply):
    key: Label = Field(default=None, validation_alias="Key")
    value: Any = Field(default=None, validation_alias="Value", repr=False)


class _Parameters(_Reply):
    items: Annotated[list[_Parameter], BeforeValidator(_as_list)] = Field(
        default=[], validation_alias="ResultParameter"
    )


class Result(_Reply):
    """The result of a payout, a status query or a reversal; it has parameters only with code 0."""

    code: Code = Field(validation_alias="ResultCode")
    originator_id: Label = Field(default=None, validation_alias="OriginatorConversationID")
    conversation_id: Label = Field(default=None, validation_alias="ConversationID")
    transaction_id: Label = Field(default=None, validation_alias="TransactionID")
    """A receipt only with code 0; a placeholder that ends in zeros when no money moved."""
    parameters: _Parameters | None = Field(default=None, validation_alias="ResultParameters")

    def parameter(self, name: str) -> Any:
        """The first value under a key; spaces in keys are ignored, as Daraja is inconsistent."""
        items = self.parameters.items if self.parameters else []
        return next(
            (
                item.value
                for item in items
                if item.value and (item.key or "").replace(" ", "") == name
            ),
            None,
        )


class Confirmation(_Reply):
    """A C2B confirmation of an incoming payment; anyone may post one.

    `account` is the text that the payer typed.
    """

    receipt: Label = Field(validation_alias="TransID")
    account: Label = Field(validation_alias="BillRefNumber", repr=False)
    short_code: Label = Field(default=None, validation_alias="BusinessShortCode")


class _StkBody(_Reply):
    callback: StkCallback = Field(validation_alias="stkCallback")


class _StkEnvelope(_Reply):
    body: _StkBody = Field(validation_alias="Body")


class _ResultEnvelope(_Reply):
    result: Result = Field(validation_alias="Result")


def read_stk_callback(raw: bytes) -> StkCallback | None:
    """Parse the callback of a push; None when the bytes are something else."""
    try:
        return _StkEnvelope.model_validate(read_object(raw)).body.callback
    except ValidationError:
        return None


def read_result(raw: bytes) -> Result | None:
    """Parse the result of an asynchronous request; None when the bytes are something else."""
    try:
        return _ResultEnvelope.model_validate(read_object(raw)).result
    except ValidationError:
        return None


def read_confirmation(raw: bytes) -> Confirmation | None:
    """Parse the confirmation of an incoming payment; None when the bytes are something else."""
    try:
        return Confirmation.model_validate(read_object(raw))
    except ValidationError:
        return None
