"""How a person pays a deposit: address, amount, BIP 21 address and its QR code."""

from collections.abc import Mapping
from datetime import datetime

import segno

from bitcoin_method.networks import Network
from cift_shared.money.amount import Money


def uri_of(address: str, amount: Money) -> str:
    """The address that wallets open (BIP 21); the amount is exact, in BTC."""
    return f"bitcoin:{address}?amount={amount.text}"


def qr_of(uri: str) -> str:
    """The QR code of an address as SVG."""
    return str(segno.make(uri, error="m", micro=False).svg_inline(scale=4))


def pay_to_address(
    address: str,
    amount: Money,
    *,
    network: Network,
    expires_at: datetime,
    needed: int,
    progress: Mapping[str, str],
) -> dict[str, str]:
    """The payer's next action, with what was seen of the money so far."""
    uri = uri_of(address, amount)
    return {
        "type": "pay_to_address",
        "address": address,
        "amount": amount.text,
        "currency": amount.currency,
        "network": f"bitcoin:{network}",
        "uri": uri,
        "qr_svg": qr_of(uri),
        "expires_at": expires_at.isoformat(),
        "received": Money(int(progress["satoshi"]), "BTC").text,
        "confirmations": progress["confirmations"],
        "confirmations_required": str(needed),
    }
