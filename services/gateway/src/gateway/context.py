"""The running gateway: what handlers work with, put together once by `app.py`."""

from dataclasses import dataclass

from cift_shared.callback_token import CallbackTokens
from cift_shared.clock import Clock
from cift_shared.fees import FeeSchedule
from cift_shared.ids import IdFactory
from cift_shared.outbox import Relay
from cift_shared.rates import RateSource
from cift_shared.vault import Vault
from gateway.auth import Authenticator
from gateway.books import CustomerBooks
from gateway.disputes import Disputes
from gateway.events import PaymentSignals
from gateway.limits import Slots, SourceRate
from gateway.quotes import Quotes
from gateway.saved_methods import SavedMethods
from gateway.settings import GatewaySettings
from gateway.store import Store


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything a handler may need."""

    settings: GatewaySettings
    store: Store
    books: CustomerBooks
    quotes: Quotes
    methods: SavedMethods
    disputes: Disputes
    relay: Relay
    signals: PaymentSignals
    authenticator: Authenticator
    vault: Vault
    tokens: CallbackTokens
    fees: FeeSchedule
    rates: RateSource
    """For conversions."""
    slots: Slots
    key_rate: SourceRate
    notice_rate: SourceRate
    clock: Clock
    ids: IdFactory
