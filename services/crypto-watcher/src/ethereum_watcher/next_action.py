"""The address that a wallet opens to pay."""

from cift_shared.money.amount import Money


def uri_of(address: str, amount: Money, *, chain_id: int) -> str:
    """The address that wallets open (EIP-681); the amount is exact, in wei."""
    return f"ethereum:{address}@{chain_id}?value={amount.minor}"
