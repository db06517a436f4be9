"""Read Daraja's notices: the address they come from, and the path they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from cift_shared.networks import Network, is_listed
from cift_shared.rails.webhooks import (
    BodyReader,
    Evidence,
    WebhookContext,
    WebhookHead,
    WebhookRefused,
    WebhookRoute,
)
from cift_shared.security.callback_token import CallbackAddress, CallbackTokens
from mpesa_method.settings import MpesaSettings

_TOKEN_LENGTH_MAX = 200
# The answer that Daraja expects. It posts a notice only once, whatever the answer is.
_ACKNOWLEDGEMENT = {"ResultCode": 0, "ResultDesc": "Accepted"}


@dataclass(frozen=True, slots=True)
class DarajaSources:
    """Where genuine notices come from."""

    listed: Sequence[Network]
    enforced: bool
    """True: notices from elsewhere are quarantined."""

    def evidence(self, head: WebhookHead, address: CallbackAddress | None, body: bytes) -> Evidence:
        """A notice, with the attempt that its path names."""
        listed = is_listed(head.source, self.listed)
        quarantined = self.enforced and not listed
        return Evidence(
            dedupe=head.token.encode() + b"|" + body,
            source_listed=listed,
            address=address,
            quarantined=quarantined,
            logged={
                "attempt_id": str(address.attempt_id) if address else None,
                "source_listed": listed,
                "quarantined": quarantined,
            },
        )


@dataclass(frozen=True, slots=True)
class CallbackPath:
    """Reads notices on the unguessable path of one call."""

    sources: DarajaSources
    tokens: CallbackTokens

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a path that we did not make.

        Raises:
            WebhookRefused: not_found.
        """
        address = self.tokens.read(head.token) if len(head.token) <= _TOKEN_LENGTH_MAX else None
        if address is None:
            raise WebhookRefused("not_found")
        return partial(self.sources.evidence, head, address)


@dataclass(frozen=True, slots=True)
class GeneralAddress:
    """Reads notices to the general address, which proves nothing about who sent them."""

    sources: DarajaSources

    def admit(self, head: WebhookHead) -> BodyReader:
        """Every request is read; its path names no attempt."""
        return partial(self.sources.evidence, head, None)


def _sources(settings: MpesaSettings, context: WebhookContext) -> DarajaSources:
    enforced = settings.is_enforced(livemode=context.livemode)
    return DarajaSources(settings.sources, enforced)


def open_callback_path(settings: MpesaSettings, context: WebhookContext) -> CallbackPath:
    """The reader of callback paths."""
    return CallbackPath(_sources(settings, context), context.tokens)


def open_general_address(settings: MpesaSettings, context: WebhookContext) -> GeneralAddress:
    """The reader of the general address."""
    return GeneralAddress(_sources(settings, context))


CALLBACKS = WebhookRoute(
    path="/callbacks/{token}",
    operation="receiveMpesaCallback",
    about="A notice on the unguessable path of one call; an unknown path answers 404.",
    stored="The notice is stored.",
    example=("result", "A result of M-Pesa", {"Body": {"stkCallback": {"ResultCode": 0}}}),
    acknowledgement=_ACKNOWLEDGEMENT,
    refusals=("not_found",),
    open=open_callback_path,
)
GENERAL = WebhookRoute(
    path="/webhooks/mpesa",
    operation="receiveMpesaWebhook",
    about="A notice to the general address, which proves nothing about who sent it.",
    stored="The notice is stored.",
    example=("confirmation", "A payment to our short code", {"TransID": "TIB4K2P9QX"}),
    acknowledgement=_ACKNOWLEDGEMENT,
    refusals=(),
    open=open_general_address,
    is_limited=True,
)
