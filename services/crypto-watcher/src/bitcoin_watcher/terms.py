"""The terms of Bitcoin's deposits, from the settings."""

import re
from datetime import timedelta

from bitcoin_method.instruments import DISPLAY, KIND, PUBLIC
from bitcoin_method.rail import RAIL
from bitcoin_watcher.domain import Output
from bitcoin_watcher.next_action import uri_of
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.wire import HASH
from chain_watch.context import Terms
from cift_shared.messaging.instruments import Instrument


def terms_of(config: BitcoinConfig) -> Terms[Output]:
    """On which terms bitcoin is received."""
    return Terms(
        rail=RAIL,
        currency="BTC",
        instrument=Instrument(kind=KIND, display=DISPLAY, sealed="", public=dict(PUBLIC)),
        depths=config.depths,
        dust=config.dust,
        action_timeout=timedelta(seconds=config.action_timeout_s),
        park_after=timedelta(seconds=config.park_after_s),
        livemode=config.mode == "live",
        network=f"bitcoin:{config.network}",
        uri=uri_of,
        transaction_of=_txid,
    )


def _txid(text: str) -> str | None:
    found = text.lower()
    return found if re.fullmatch(HASH, found) else None
