"""Convert payment options to response bodies; pure."""

from gateway.http.fields import PaymentType
from gateway.http.responses import amount_text
from gateway.payment_options.responses import AmountLimitsOut, PaymentOptionOut
from gateway.payment_options.service import PaymentOption


def option_out(option: PaymentOption, kind: PaymentType) -> PaymentOptionOut:
    """One option as response body."""
    known = option.availability
    return PaymentOptionOut(
        type=kind,
        method=option.rail.method,
        rail=option.rail.name,
        provider=option.rail.provider,
        provider_name=option.rail.provider_name,
        currency=option.currency,
        limits=AmountLimitsOut(
            min=amount_text(option.limits.min_minor, option.currency),
            max=amount_text(option.limits.max_minor, option.currency),
        ),
        fee=option.price.fee.text if option.price else None,
        network_fee=option.price.network_fee.text if option.price else None,
        expected_seconds=int(option.rail.typical_duration[kind].total_seconds()),
        available=known.available,
        unavailable_reason=known.reason,
        since=known.since,
        reported_at=known.reported_at,
    )
