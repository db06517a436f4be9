"""How a person pays a deposit: address, amount, an address for wallets and its QR code."""

from collections.abc import Mapping
from datetime import datetime

import segno

from cift_shared.money.amount import Money


def qr_of(uri: str) -> str:
    """The QR code of an address as SVG."""
    return str(segno.make(uri, error="m", micro=False).svg_inline(scale=4))


def pay_to_address(
    address: str,
    amount: Money,
    *,
    uri: str,
    network: str,
    expires_at: datetime,
    progress: Mapping[str, str],
) -> dict[str, str]:
    """The payer's next action, with the progress: `received`, `confirmations`, and how many of them
    are required; for a token also its `contract`.
    """
    return {
        "type": "pay_to_address",
        "address": address,
        "amount": amount.text,
        "currency": amount.currency,
        "network": network,
        "uri": uri,
        "qr_svg": qr_of(uri),
        "expires_at": expires_at.isoformat(),
        **progress,
    }
