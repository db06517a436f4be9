"""Read MTN's callbacks. They carry no signature: only the path of each call is unguessable."""

from dataclasses import dataclass
from functools import partial

from cift_shared.rails.webhooks import (
    BodyReader,
    Evidence,
    WebhookContext,
    WebhookHead,
    WebhookRefused,
    WebhookRoute,
)
from cift_shared.security.callback_token import CallbackAddress, CallbackTokens
from momo_method.calls import purposes
from momo_method.countries import Country
from momo_method.settings import MomoSettings

_TOKEN_CHARS_MAX = 200
_ACKNOWLEDGEMENT = {"status": "accepted"}


@dataclass(frozen=True, slots=True)
class CallbackPath:
    """Reads notices on the unguessable paths of one country's calls."""

    tokens: CallbackTokens
    calls: frozenset[int]

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a path that we did not make for this country.

        Raises:
            WebhookRefused: not_found.
        """
        address = self.tokens.read(head.token) if len(head.token) <= _TOKEN_CHARS_MAX else None
        if address is None or address.purpose not in self.calls:
            raise WebhookRefused("not_found")
        return partial(_evidence, head, address)


def _evidence(head: WebhookHead, address: CallbackAddress, body: bytes) -> Evidence:
    return Evidence(
        dedupe=head.token.encode() + b"|" + body,
        source_listed=False,  # MTN publishes no addresses; the worker asks MTN in any case
        address=address,
        logged={"attempt_id": str(address.attempt_id)},
    )


def callback_path(country: Country) -> str:
    """The path of the country's callbacks below `/api/v1`, without the token."""
    return f"/callbacks/{country.rail.replace('_', '-')}"


def callbacks_of(country: Country) -> WebhookRoute:
    """The address that MTN posts the results of a country to; it uses PUT or POST."""

    def opened(_settings: MomoSettings, context: WebhookContext) -> CallbackPath:
        return CallbackPath(context.tokens, purposes(country))

    return WebhookRoute(
        path=callback_path(country) + "/{token}",
        operation=f"receiveMtn{country.name}Callback",
        about=(
            f"A result of MTN MoMo {country.name} on the unguessable path of one call; an unknown "
            "path answers 404."
        ),
        stored="The notice is stored.",
        example=(
            "result",
            "A request to pay that was approved",
            {"externalId": "42", "status": "SUCCESSFUL", "financialTransactionId": "1503480762"},
        ),
        acknowledgement=_ACKNOWLEDGEMENT,
        refusals=("not_found",),
        open=opened,
        methods=("POST", "PUT"),
    )
