"""Accounts that sign with eth-account."""

from typing import Any

from eth_account import Account
from eth_utils import to_checksum_address

from tests.support.ethereum_node import CHAIN_ID

GWEI = 10**9
ETHER = 10**18


class Wallet:
    """An account with a key made from a number."""

    def __init__(self, number: int) -> None:
        self._account = Account.from_key(number.to_bytes(32))
        self.address = str(self._account.address)

    def sign(self, nonce: int, to: str | None, value: int = 0, **more: Any) -> tuple[str, str]:
        """A transaction and its hash, both in hexadecimal."""
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "value": value,
            "gas": 21_000,
            "maxFeePerGas": 20 * GWEI,
            "maxPriorityFeePerGas": GWEI,
            **more,
        }
        if to is not None:
            fields["to"] = to_checksum_address(to)
        return self._signed(fields)

    def sign_legacy(
        self, nonce: int, to: str, value: int, *, chain_id: int | None
    ) -> tuple[str, str]:
        """The same of the first kind, which need not name its chain."""
        fields = {
            "nonce": nonce,
            "to": to,
            "value": value,
            "gas": 21_000,
            "gasPrice": 20 * GWEI,
        }
        return self._signed(fields if chain_id is None else {**fields, "chainId": chain_id})

    def _signed(self, fields: dict[str, Any]) -> tuple[str, str]:
        signed = self._account.sign_transaction(fields)
        return "0x" + signed.raw_transaction.hex(), "0x" + signed.hash.hex()
