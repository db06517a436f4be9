"""The terms of Ethereum's deposits, from the settings."""

import re
from datetime import timedelta
from functools import partial

from chain_watch.context import Terms
from cift_shared.messaging.instruments import Instrument
from ethereum_method.instruments import DISPLAY, KIND, PUBLIC
from ethereum_method.rail import RAIL
from ethereum_watcher.domain import Arrival
from ethereum_watcher.next_action import uri_of
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.wire import HASH


def terms_of(config: EthereumConfig) -> Terms[Arrival]:
    """On which terms ether is received."""
    return Terms(
        rail=RAIL,
        currency="ETH",
        instrument=Instrument(kind=KIND, display=DISPLAY, sealed="", public=dict(PUBLIC)),
        depths=config.depths,
        dust=config.dust,
        action_timeout=timedelta(seconds=config.action_timeout_s),
        park_after=timedelta(seconds=config.park_after_s),
        livemode=config.mode == "live",
        network=f"ethereum:{config.chain_id}",
        uri=partial(uri_of, chain_id=config.chain_id),
        transaction_of=_transaction,
    )


def _transaction(text: str) -> str | None:
    found = text.lower()
    return found if re.fullmatch(HASH, found) else None
