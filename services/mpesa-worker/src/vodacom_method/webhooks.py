"""Read Vodacom's notices: the address they come from, and the path they come to.

Vodacom posts the result of a payment in asynchronous use to one address, the listener, which our
application at Vodacom names. It has no signature, so its path has a token that nobody can guess.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from cift_shared.http.untrusted_json import read_object
from cift_shared.networks import Networks, is_listed
from cift_shared.rails.webhooks import (
    BodyReader,
    Evidence,
    WebhookContext,
    WebhookHead,
    WebhookRefused,
    WebhookRoute,
)
from cift_shared.security.callback_token import NO_ATTEMPT, CallbackAddress, CallbackTokens
from vodacom_method.purposes import Purpose
from vodacom_method.settings import VodacomSettings

_TOKEN_LENGTH_MAX = 200
_ID_LENGTH_MAX = 100
_ACCEPTED = {"output_ResponseCode": "0", "output_ResponseDesc": "Accepted"}
_EXPECTED = CallbackAddress(NO_ATTEMPT, Purpose.RESULT)


def listener_path(tokens: CallbackTokens) -> str:
    """The path of the listener, for the application at Vodacom; always the same for one key."""
    token = tokens.make(_EXPECTED.attempt_id, _EXPECTED.purpose)
    return f"/api/v1{LISTENER.path.format(token=token)}"


@dataclass(frozen=True, slots=True)
class Listener:
    """Reads notices on the unguessable path of the listener."""

    sources: Networks
    """Where genuine notices come from; empty: unknown."""
    tokens: CallbackTokens

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a path that is not the listener's.

        Raises:
            WebhookRefused: not_found.
        """
        token = head.token
        if len(token) > _TOKEN_LENGTH_MAX or self.tokens.read(token) != _EXPECTED:
            raise WebhookRefused("not_found")
        return partial(self._evidence, head)

    def _evidence(self, head: WebhookHead, body: bytes) -> Evidence:
        listed = is_listed(head.source, self.sources)
        quarantined = bool(self.sources) and not listed
        return Evidence(
            dedupe=b"listener|" + body,
            source_listed=listed,
            address=_EXPECTED,
            quarantined=quarantined,
            acknowledgement=acknowledgement(body),
            logged={"source_listed": listed, "quarantined": quarantined},
        )


def acknowledgement(body: bytes) -> dict[str, Any]:
    """The answer that Vodacom expects, with the ids of the notice.

    Source: M-Pesa OpenAPI documentation, "Asynchronous response".
    """
    notice = read_object(body) or {}
    return {
        **_ACCEPTED,
        "output_OriginalConversationID": _id(notice, "input_OriginalConversationID"),
        "output_ThirdPartyConversationID": _id(notice, "input_ThirdPartyConversationID"),
    }


def _id(notice: dict[str, Any], name: str) -> str:
    value = notice.get(name)
    return value[:_ID_LENGTH_MAX] if isinstance(value, str) else ""


def open_listener(settings: VodacomSettings, context: WebhookContext) -> Listener:
    """The reader of the listener's path."""
    return Listener(settings.sources, context.tokens)


LISTENER = WebhookRoute(
    path="/callbacks/tz/{token}",
    operation="receiveVodacomResult",
    about="The result of a payment, on the unguessable path that our application at Vodacom names; "
    "another path answers 404.",
    stored="The notice is stored. The answer repeats its ids.",
    example=(
        "result",
        "A result of M-Pesa Tanzania",
        {
            "input_OriginalConversationID": "c5d3a1e06f5b4a0f",
            "input_TransactionID": "9KE71HX0QTR",
            "input_ResultCode": "INS-0",
            "input_ResultDesc": "Request processed successfully",
            "input_ThirdPartyConversationID": "9f0c1b7a2d3e4f5061728394a5b6c7d8",
        },
    ),
    acknowledgement={
        **_ACCEPTED,
        "output_OriginalConversationID": "c5d3a1e06f5b4a0f",
        "output_ThirdPartyConversationID": "9f0c1b7a2d3e4f5061728394a5b6c7d8",
    },
    refusals=("not_found",),
    open=open_listener,
)
