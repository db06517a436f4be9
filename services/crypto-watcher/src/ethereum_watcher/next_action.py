"""The address that a wallet opens to pay."""

from cift_shared.money.amount import Money


def uri_of(address: str, amount: Money, *, chain_id: int) -> str:
    """The address that wallets open (EIP-681); the amount is exact, in wei."""
    return f"ethereum:{address}@{chain_id}?value={amount.minor}"


def token_uri_of(address: str, amount: Money, *, contract: str, chain_id: int) -> str:
    """The same for a token: a call of its contract, the amount in the token's smallest unit."""
    call = f"address={address}&uint256={amount.minor}"
    return f"ethereum:{contract}@{chain_id}/transfer?{call}"
