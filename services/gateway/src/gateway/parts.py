"""Build the parts of the gateway from its settings and pool, each one once and in order of use."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from cift_shared.clock import Clock
from cift_shared.ids import IdFactory
from cift_shared.money.fees import load_schedule
from cift_shared.money.rates import load_rates
from cift_shared.rails.gateway import RailSettings
from cift_shared.rails.registry import rails
from cift_shared.rails.webhooks import WebhookContext
from cift_shared.runtime.rate_reader import RateReader
from cift_shared.runtime.service import Base
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Authenticator
from gateway.auth.repository import KeyRepository
from gateway.conversions.repository import ConversionRepository
from gateway.conversions.service import Conversions
from gateway.customers.repository import CustomerRepository
from gateway.customers.service import Customers
from gateway.database.notifications import PaymentSignals
from gateway.disputes.repository import DisputeRepository
from gateway.http.admission import Admission
from gateway.http.limits import Slots, SourceRate
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.parts import Parts
from gateway.http.prefer_wait import Waiting
from gateway.idempotency.service import Idempotency
from gateway.idempotency.store import IdempotencyStore
from gateway.ledger_head.repository import LedgerHead
from gateway.operations.retention import Retention
from gateway.payment_methods.instrument_resolver import InstrumentResolver
from gateway.payment_methods.repository import MethodRepository
from gateway.payment_methods.results import MethodResultsHandler
from gateway.payment_methods.service import PaymentMethods
from gateway.payment_options.repository import RailStatusRepository
from gateway.payment_options.service import PaymentOptions
from gateway.payment_options.statuses import RailStatusHandler
from gateway.payments.repository import PaymentRepository
from gateway.payments.service import Payments
from gateway.quotes.exchange import ExchangeTerms
from gateway.quotes.repository import QuoteRepository
from gateway.quotes.service import Quotes
from gateway.returns.repository import ReturnRepository
from gateway.returns.service import Returns
from gateway.settings import GatewaySettings
from gateway.webhooks.intake import Intake, open_readers
from gateway.webhooks.repository import NoticeRepository
from gateway.webhooks.service import Webhooks


def build_parts(
    settings: GatewaySettings,
    by_rail: Mapping[str, RailSettings],
    base: Base,
    clock: Clock,
    ids: IdFactory,
) -> Parts:
    """Every part of the gateway; `base` is open.

    Raises:
        SettingsInvalid: the price list or the rate table can't be read.
    """
    pool, relay, vault = base.pool, base.relay, settings.vault()
    opaque_ids = OpaqueIds(vault)
    store, methods = IdempotencyStore(pool), MethodRepository(pool)
    quote_repository, notices = QuoteRepository(pool), NoticeRepository(pool)
    payment_repository, statuses = PaymentRepository(pool), RailStatusRepository(pool)
    signals = PaymentSignals(settings.database_url.get_secret_value())
    waiting = Waiting(Slots(settings.streams_per_key), signals, clock)
    idempotency = Idempotency(store, relay, clock)
    rates = settings.live(load_rates(settings.rate_table))
    fees = replace(load_schedule(settings.fee_schedule, settings.rate_table), rates=rates)
    exchange_rates = settings.exchange_rates(livemode=settings.livemode)
    offered = _offered(by_rail)
    instruments = InstrumentResolver(methods, vault, offered)
    options = PaymentOptions(statuses, fees, offered, exchange_rates, clock)
    terms = ExchangeTerms(exchange_rates, timedelta(seconds=settings.rate_lock_s))
    lifetime = timedelta(seconds=settings.quote_lifetime_s)
    quotes = Quotes(quote_repository, fees, terms, lifetime, clock, ids, options.network_fee)
    payments = Payments(
        payment_repository,
        idempotency,
        instruments,
        quotes,
        waiting,
        relay,
        vault,
        clock,
        ids,
        options.is_float_low,
    )
    spread, conversion_repository = settings.conversion_spread_bps, ConversionRepository(pool)
    conversions = Conversions(
        conversion_repository, idempotency, exchange_rates, spread, vault, clock, ids
    )
    return Parts(
        base.readiness,
        signals,
        opaque_ids,
        _admission(settings, base, vault, clock),
        instruments,
        quotes,
        payments,
        PaymentMethods(
            methods, idempotency, waiting, relay, vault, _client_keys(by_rail), clock, ids
        ),
        MethodResultsHandler(methods, clock, wake_relay=relay.wake),
        options,
        RailStatusHandler(statuses, clock),
        conversions,
        RateReader(pool, [rates, exchange_rates]),
        Customers(CustomerRepository(pool), opaque_ids, clock),
        DisputeRepository(pool),
        LedgerHead(pool),
        Returns(ReturnRepository(pool), payments, settings.return_tokens()),
        _intake(settings, by_rail, Webhooks(notices, relay, vault, clock), clock),
        Retention(store, notices, quote_repository, methods, statuses, payment_repository, clock),
    )


def _offered(by_rail: Mapping[str, RailSettings]) -> Mapping[str, frozenset[str]]:
    """The rails that this deployment has set up, with their currencies."""
    found = {}
    for name, settings in by_rail.items():
        if settings.is_offered:
            moved, chosen = rails()[name].currencies, settings.currencies
            found[name] = moved if chosen is None else moved & chosen
    return found


def _client_keys(by_rail: Mapping[str, RailSettings]) -> Mapping[str, str | None]:
    return {name: rail.client_key for name, rail in by_rail.items()}


def _admission(settings: GatewaySettings, base: Base, vault: Vault, clock: Clock) -> Admission:
    look_up = KeyRepository(base.pool).one
    authenticator = Authenticator(look_up, vault=vault, livemode=settings.livemode, clock=clock)
    return Admission(authenticator, SourceRate(settings.requests_per_second, clock))


def _intake(
    settings: GatewaySettings,
    by_rail: Mapping[str, RailSettings],
    webhooks: Webhooks,
    clock: Clock,
) -> Intake:
    context = WebhookContext(settings.livemode, clock, settings.callback_tokens())
    rate = SourceRate(settings.notices_per_second, clock)
    return Intake(open_readers(by_rail, context), webhooks, settings.trusted_proxies, rate)
