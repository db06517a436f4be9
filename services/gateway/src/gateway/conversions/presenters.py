"""Convert rows of conversions to response bodies; pure."""

from collections.abc import Mapping
from typing import Any

from gateway.conversions.responses import AmountOut, ConversionOut
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.responses import amount_text


def conversion_out(row: Mapping[str, Any], ids: OpaqueIds) -> ConversionOut:
    """A conversion as the API shows it."""
    return shown_conversion(row, ids.of("transaction", row["tx_id"]))


def shown_conversion(row: Mapping[str, Any], transaction_id: str) -> ConversionOut:
    """A conversion as the API shows it, with its transaction's id given."""
    return ConversionOut(
        id=row["conversion_id"],
        customer_id=row["customer_id"],
        given=_amount_out(row["from_minor"], row["from_currency"]),
        received=_amount_out(row["to_minor"], row["to_currency"]),
        rate=_plain(row["rate"]),
        market_rate=_plain(row["market_rate"]),
        spread_bps=row["spread_bps"],
        rate_source=row["rate_source"],
        rate_as_of=row["rate_as_of"],
        transaction_id=transaction_id,
        livemode=row["livemode"],
        created_at=row["requested_at"],
    )


def conversion_reply(stored: dict[str, Any], ids: OpaqueIds) -> dict[str, Any]:
    """A stored reply in its usual order, with the public id of its transaction."""
    shown = {**stored, "transaction_id": ids.of("transaction", int(stored["transaction_id"]))}
    return ConversionOut.model_validate(shown).model_dump(mode="json", by_alias=True)


def _amount_out(minor: Any, currency: str) -> AmountOut:
    return AmountOut(amount=amount_text(minor, currency), currency=currency)


def _plain(rate: Any) -> str:
    return rate if isinstance(rate, str) else f"{rate:f}"
