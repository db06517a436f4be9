"""What travels to and from Daraja, field by field as its documentation spells them.

Requests are written strictly. Answers and callbacks are read leniently: unknown fields are
ignored, lists may be single objects, values may be missing, numbers keep their digits.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cift_shared.foreign_json import read_object

TEXT_CHARS_MAX = 200
"""Of an id, a code or a word; real ones have some dozen. What is longer is none."""
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
"""A result code, number or text."""

Label = Annotated[str | None, BeforeValidator(_as_text)]
"""An id or a word that may be missing."""


class Request(BaseModel):
    """Base of every request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def document(self) -> dict[str, Any]:
        """The body as Daraja reads it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StkPush(Request):
    """`POST /mpesa/stkpush/v1/processrequest`."""

    short_code: str = Field(serialization_alias="BusinessShortCode")
    password: str = Field(serialization_alias="Password", repr=False)
    timestamp: str = Field(serialization_alias="Timestamp")
    transaction_type: str = Field(serialization_alias="TransactionType")
    amount: int = Field(serialization_alias="Amount")
    """Whole shillings, here and in every request."""
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
    """Ours, unique for each payout; Daraja refuses it a second time."""
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
    original_id: str = Field(serialization_alias="OriginalConversationID")
    """The `OriginatorConversationID` of the payout asked about."""
    short_code: str = Field(serialization_alias="PartyA")
    identifier_type: str = Field(default="4", serialization_alias="IdentifierType")
    remarks: str = Field(serialization_alias="Remarks", min_length=2, max_length=100)
    timeout_url: str = Field(serialization_alias="QueueTimeOutURL", repr=False)
    result_url: str = Field(serialization_alias="ResultURL", repr=False)


class Reversal(Request):
    """`POST /mpesa/reversal/v1/request`; one field is misspelt by Daraja itself."""

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
    """Answer of `GET /oauth/v1/generate`; the lifetime was text in older samples."""

    model_config = ConfigDict(str_max_length=TOKEN_CHARS_MAX)

    access_token: str = Field(pattern=r"^[!-~]+$", repr=False)
    """Goes into a header: nothing but visible ASCII."""
    expires_in: int = Field(ge=0, le=_LIFETIME_S_MAX)


class StkAccepted(_Reply):
    """A push that Daraja took."""

    merchant_request_id: str = Field(validation_alias="MerchantRequestID", min_length=1)
    checkout_id: str = Field(validation_alias="CheckoutRequestID", min_length=1, repr=False)


class StkState(_Reply):
    """How a push stands; no receipt, no amount, no phone."""

    merchant_request_id: Label = Field(default=None, validation_alias="MerchantRequestID")
    checkout_id: Label = Field(default=None, validation_alias="CheckoutRequestID", repr=False)
    code: Code = Field(validation_alias="ResultCode")


class Acknowledgement(_Reply):
    """Answer to a request whose result comes later, on its own path."""

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
    """What Daraja tells about a push, once; metadata only when it was paid."""

    merchant_request_id: Label = Field(default=None, validation_alias="MerchantRequestID")
    checkout_id: Label = Field(default=None, validation_alias="CheckoutRequestID", repr=False)
    code: Code = Field(validation_alias="ResultCode")
    metadata: _Metadata | None = Field(default=None, validation_alias="CallbackMetadata")

    def item(self, name: str) -> Any:
        """The value of the first item of that name that has one; never by place."""
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
    """The result of a payout, a status query or a reversal; parameters only with code 0."""

    code: Code = Field(validation_alias="ResultCode")
    originator_id: Label = Field(default=None, validation_alias="OriginatorConversationID")
    conversation_id: Label = Field(default=None, validation_alias="ConversationID")
    transaction_id: Label = Field(default=None, validation_alias="TransactionID")
    """A filler that ends in zeros when nothing moved; a receipt only with code 0."""
    parameters: _Parameters | None = Field(default=None, validation_alias="ResultParameters")

    def parameter(self, name: str) -> Any:
        """The first value under a key; Daraja spells some keys with and without blanks."""
        items = self.parameters.items if self.parameters else []
        return next(
            (
                item.value
                for item in items
                if item.value and (item.key or "").replace(" ", "") == name
            ),
            None,
        )


class _StkBody(_Reply):
    callback: StkCallback = Field(validation_alias="stkCallback")


class _StkEnvelope(_Reply):
    body: _StkBody = Field(validation_alias="Body")


class _ResultEnvelope(_Reply):
    result: Result = Field(validation_alias="Result")


def read_stk_callback(raw: bytes) -> StkCallback | None:
    """The callback of a push; None when the bytes are something else."""
    try:
        return _StkEnvelope.model_validate(read_object(raw)).body.callback
    except ValidationError:
        return None


def read_result(raw: bytes) -> Result | None:
    """The result of an asynchronous request; None when the bytes are something else."""
    try:
        return _ResultEnvelope.model_validate(read_object(raw)).result
    except ValidationError:
        return None
