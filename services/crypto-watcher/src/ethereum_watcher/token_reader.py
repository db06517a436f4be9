"""Read what a block paid to our addresses in tokens, from enough nodes."""

from collections.abc import Container, Sequence

from chain_watch.heads import Agreed
from cift_shared.errors import SettingsInvalid
from ethereum_method.tokens import Token
from ethereum_watcher.addresses import parse_address
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.scanner import Payment
from ethereum_watcher.token_transfers import concerned_logs, transfers_paid
from ethereum_watcher.wire import Block, Log, Receipt


class TokenReader:
    """Reads the transfers of the configured tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._currencies = {parse_address(one.contract).script: one.currency for one in tokens}
        self._is_checked = False

    async def check(self, agreed: Agreed[EthereumNode]) -> None:
        """Compare the places of each token with those of its contract, once.

        Raises:
            SettingsInvalid: they differ: every amount would be wrong.
            NodesDisagree: enough nodes do not say the same, or there is no such contract.
        """
        if self._is_checked:
            return
        for token in self._tokens:
            decimals = await self._decimals(agreed, token)
            if decimals != token.decimals:
                raise SettingsInvalid(
                    f"CRYPTO_ETH_TOKENS: {token.contract} has {decimals} decimals, "
                    f"{token.currency} {token.decimals}"
                )
        self._is_checked = True

    async def _decimals(self, agreed: Agreed[EthereumNode], token: Token) -> int:
        return await agreed.answer(lambda node: node.decimals(token.contract, agreed.head.hash))

    async def read(
        self, agreed: Agreed[EthereumNode], block: Block, accounts: Container[bytes]
    ) -> list[Payment]:
        """The payments to our addresses in a block.

        Raises:
            BlockInvalid: logs and receipts contradict each other or the block.
            NodesDisagree: enough nodes do not say the same.
        """
        if not self._tokens:
            return []
        contracts = [one.contract for one in self._tokens]
        logs = await agreed.answer(lambda node: node.transfers(block.hash, contracts))
        found = concerned_logs(block, logs, self._currencies, accounts)
        receipts = [await _receipt(agreed, one) for one in found]
        return transfers_paid(found, receipts, self._currencies)


async def _receipt(agreed: Agreed[EthereumNode], log: Log) -> Receipt:
    return await agreed.answer(lambda node: node.receipt(log.hash))
