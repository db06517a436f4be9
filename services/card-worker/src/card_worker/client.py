"""Stripe's operations as we use them, through Stripe's library: parameters and parsed answers.

One call, one answer; `card_worker.stripe_call` defines what its failures mean.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx
import stripe

from card_worker import domain, wire
from card_worker.settings import CardConfig
from card_worker.stripe_call import Caller
from card_worker.transport import RateLimitedHttp
from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.errors import OutcomeUnknown
from cift_shared.resilience.circuit_breaker import PAUSE_S

LIST_MAX = 100
"""Maximum objects of one page. Source: docs.stripe.com/api/pagination."""
PAGES_MAX = 10
"""Maximum pages that are searched for one lost intent."""

_INTENT_PARTS = ["latest_charge.balance_transaction"]
_REFUND_PARTS = ["balance_transaction"]
_SETUP_PARTS = ["payment_method"]


class StripeApi:
    """Calls Stripe for one account; one object for each process."""

    def __init__(
        self,
        config: CardConfig,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        bare: bool = False,
    ) -> None:
        """Configure Stripe's library.

        Args:
            config: keys, address, time-outs.
            clock: for the rate limit and the circuit breaker.
            transport: replaces the network, for tests.
            bare: leave out every optional parameter, for substitutes that support only some.
        """
        stripe.enable_telemetry = False
        # below this level the library logs whole requests
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._bare = bare
        self._http = RateLimitedHttp(config, clock, transport=transport)
        tries = config.max_network_retries + 1
        # A deadline for the whole call: an answer that arrives byte by byte must end, too.
        deadline_s = tries * (config.connect_timeout_s + config.read_timeout_s) + 5
        pause_s = sped_up(int(PAUSE_S), config.check_speed).total_seconds()
        self._caller = Caller(clock, deadline_s=deadline_s, pause_s=pause_s)
        self._call = self._caller.call
        self._v1 = stripe.StripeClient(
            config.secret_key.get_secret_value(),
            base_addresses={"api": config.api_base},
            max_network_retries=config.max_network_retries,
            stripe_version=domain.API_VERSION,
            http_client=self._http,
        ).v1

    @property
    def is_unavailable(self) -> bool:
        """True while no request is sent, because Stripe did not answer or refused our key."""
        return self._caller.is_unavailable

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def create_intent(self, params: Mapping[str, Any], key: str) -> wire.PaymentIntent:
        """Create an unconfirmed intent; this moves no money.

        Raises:
            CardRefused, RequestRefused, PaymentProcessorError: every call of this class raises
                these.
        """
        create = self._v1.payment_intents.create_async
        return await self._call(
            "intent_create",
            lambda: create(params=self._params(params), options=_with_key(key)),
            wire.PaymentIntent,
        )

    async def confirm_intent(
        self, intent_id: str, params: Mapping[str, Any], key: str
    ) -> wire.PaymentIntent:
        """Confirm the intent, which charges the card: at most once, however often it is called."""
        confirm = self._v1.payment_intents.confirm_async
        return await self._call(
            "intent_confirm",
            lambda: confirm(
                intent_id, params=self._params(params, _INTENT_PARTS), options=_with_key(key)
            ),
            wire.PaymentIntent,
        )

    async def retrieve_intent(self, intent_id: str) -> wire.PaymentIntent:
        """The current state of an intent."""
        read = self._v1.payment_intents.retrieve_async
        return await self._call(
            "intent_retrieve",
            lambda: read(intent_id, params=self._params({}, _INTENT_PARTS)),
            wire.PaymentIntent,
        )

    async def cancel_intent(self, intent_id: str, key: str) -> wire.PaymentIntent:
        """Cancel an intent: it can't charge a card afterwards."""
        cancel = self._v1.payment_intents.cancel_async
        return await self._call(
            "intent_cancel",
            lambda: cancel(
                intent_id,
                params=self._params({"cancellation_reason": "abandoned"}, _INTENT_PARTS),
                options=_with_key(key),
            ),
            wire.PaymentIntent,
        )

    async def find_intent(
        self, attempt_id: str, *, since: int, until: int
    ) -> wire.PaymentIntent | None:
        """The intent that an attempt created in this window (Unix seconds); None if none is found.

        It lists intents, newest first, because Stripe does not guarantee that search is up to date.
        """
        read = self._v1.payment_intents.list_async
        window: Any = {"created": {"gte": since, "lte": until}, "limit": LIST_MAX}
        for _ in range(PAGES_MAX):
            params: Any = dict(window)
            page = await self._call("intent_list", partial(read, params=params), _Intents)
            for intent in page.data:
                if intent.metadata.get(domain.ATTEMPT_NAME) == attempt_id:
                    return intent
            if not page.has_more or not page.data:
                return None
            window["starting_after"] = page.data[-1].id
        return None

    async def create_refund(self, params: Mapping[str, Any], key: str) -> wire.Refund:
        """Create a refund: only the idempotency key prevents a second refund."""
        create = self._v1.refunds.create_async
        return await self._call(
            "refund_create",
            lambda: create(params=self._params(params, _REFUND_PARTS), options=_with_key(key)),
            wire.Refund,
        )

    async def retrieve_refund(self, refund_id: str) -> wire.Refund:
        """The current state of a refund."""
        read = self._v1.refunds.retrieve_async
        return await self._call(
            "refund_retrieve",
            lambda: read(refund_id, params=self._params({}, _REFUND_PARTS)),
            wire.Refund,
        )

    async def find_refund(self, attempt_id: str, intent_id: str) -> wire.Refund | None:
        """The refund of an intent that an attempt created; None if there is none.

        Raises:
            OutcomeUnknown: the intent has more refunds than one page.
        """
        read = self._v1.refunds.list_async
        params: Any = {"payment_intent": intent_id, "limit": LIST_MAX}
        page = await self._call("refund_list", lambda: read(params=params), _Refunds)
        if page.has_more:
            raise OutcomeUnknown("provider_list_too_long", "too many refunds to look through")
        matching = (
            r for r in page.data if (r.metadata or {}).get(domain.ATTEMPT_NAME) == attempt_id
        )
        return next(matching, None)

    async def list_disputes(self, intent_id: str) -> list[wire.Dispute]:
        """The disputes of an intent."""
        read = self._v1.disputes.list_async
        params: Any = {"payment_intent": intent_id, "limit": LIST_MAX}
        page = await self._call("dispute_list", lambda: read(params=params), _Disputes)
        return page.data

    async def create_customer(self, params: Mapping[str, Any], key: str) -> wire.Customer:
        """Create a Stripe customer, which owns saved cards."""
        create = self._v1.customers.create_async
        return await self._call(
            "customer_create",
            lambda: create(params=self._params(params), options=_with_key(key)),
            wire.Customer,
        )

    async def create_setup(self, params: Mapping[str, Any], key: str) -> wire.SetupIntent:
        """Create a setup intent, which saves a card."""
        create = self._v1.setup_intents.create_async
        return await self._call(
            "setup_create",
            lambda: create(params=self._params(params), options=_with_key(key)),
            wire.SetupIntent,
        )

    async def confirm_setup(
        self, setup_id: str, params: Mapping[str, Any], key: str
    ) -> wire.SetupIntent:
        """Confirm a setup intent: Stripe saves the card in the parameters."""
        confirm = self._v1.setup_intents.confirm_async
        return await self._call(
            "setup_confirm",
            lambda: confirm(
                setup_id, params=self._params(params, _SETUP_PARTS), options=_with_key(key)
            ),
            wire.SetupIntent,
        )

    async def retrieve_setup(self, setup_id: str) -> wire.SetupIntent:
        """The current state of a setup intent."""
        read = self._v1.setup_intents.retrieve_async
        return await self._call(
            "setup_retrieve",
            lambda: read(setup_id, params=self._params({}, _SETUP_PARTS)),
            wire.SetupIntent,
        )

    async def cancel_setup(self, setup_id: str, key: str) -> wire.SetupIntent:
        """Cancel a setup intent: it can't save a card afterwards."""
        cancel = self._v1.setup_intents.cancel_async
        return await self._call(
            "setup_cancel",
            lambda: cancel(setup_id, params=self._params({}, _SETUP_PARTS), options=_with_key(key)),
            wire.SetupIntent,
        )

    async def retrieve_method(self, method_id: str) -> wire.PaymentMethod:
        """A card and the Stripe customer that owns it."""
        read = self._v1.payment_methods.retrieve_async
        return await self._call("method_retrieve", lambda: read(method_id), wire.PaymentMethod)

    async def detach_method(self, method_id: str, key: str) -> wire.PaymentMethod:
        """Detach a card: it can't be used again."""
        detach = self._v1.payment_methods.detach_async
        return await self._call(
            "method_detach", lambda: detach(method_id, options=_with_key(key)), wire.PaymentMethod
        )

    def _params(self, params: Mapping[str, Any], parts: list[str] | None = None) -> Any:
        """The parameters to send, with `parts` to expand; bare: without the optional ones."""
        sent = {n: v for n, v in params.items() if not (self._bare and n in _OPTIONAL)}
        return {**sent, "expand": parts} if parts else sent


class _Intents(wire.Part):
    data: list[wire.PaymentIntent]
    has_more: bool = False


class _Refunds(wire.Part):
    data: list[wire.Refund]
    has_more: bool = False


class _Disputes(wire.Part):
    data: list[wire.Dispute]


_OPTIONAL = frozenset(("return_url", "description", "cancellation_reason", "usage"))
"""Parameters that substitutes for Stripe may not support; they don't change how money moves."""


def _with_key(key: str) -> Any:
    return {"idempotency_key": key}
