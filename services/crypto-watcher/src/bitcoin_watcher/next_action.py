"""The address that a wallet opens to pay."""

from cift_shared.money.amount import Money


def uri_of(address: str, amount: Money) -> str:
    """The address that wallets open (BIP 21); the amount is exact, in BTC."""
    return f"bitcoin:{address}?amount={amount.text}"
