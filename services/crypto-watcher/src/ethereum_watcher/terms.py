"""The terms of Ethereum's deposits, from the settings."""

import re
from datetime import timedelta

from chain_watch.context import Terms, TokenTerms
from cift_shared.messaging.instruments import Instrument
from cift_shared.money.amount import Money
from ethereum_method.instruments import DISPLAY, KIND, PUBLIC
from ethereum_method.rail import DUST_TOKEN, RAIL
from ethereum_watcher.domain import COIN, Arrival
from ethereum_watcher.next_action import token_uri_of, uri_of
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.wire import HASH


def terms_of(config: EthereumConfig) -> Terms[Arrival]:
    """On which terms ether and tokens are received."""
    contracts = {currency: one.address for currency, one in config.contracts.items()}

    def uri(address: str, amount: Money) -> str:
        if amount.currency == COIN:
            return uri_of(address, amount, chain_id=config.chain_id)
        contract = contracts[amount.currency]
        return token_uri_of(address, amount, contract=contract, chain_id=config.chain_id)

    return Terms(
        rail=RAIL,
        currency=COIN,
        instrument=Instrument(kind=KIND, display=DISPLAY, sealed="", public=dict(PUBLIC)),
        depths=config.depths,
        dust=config.dust,
        tokens={name: TokenTerms(contract, DUST_TOKEN) for name, contract in contracts.items()},
        action_timeout=timedelta(seconds=config.action_timeout_s),
        park_after=timedelta(seconds=config.park_after_s),
        livemode=config.mode == "live",
        network=f"ethereum:{config.chain_id}",
        uri=uri,
        transaction_of=_transaction,
        doubt=config.depths.doubt,
    )


def _transaction(text: str) -> str | None:
    found = text.lower()
    return found if re.fullmatch(HASH, found) else None
