"""Amounts in Stripe's units: whole numbers of a currency's smallest unit.

Source: docs.stripe.com/currencies: zero-decimal and three-decimal currencies, special cases,
minimum and maximum charge amounts.
"""

from decimal import ROUND_HALF_UP, Decimal

from provider_sandbox.stripe.errors import StripeError, invalid


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ZERO_DECIMAL = _words("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
_THREE_DECIMAL = _words("bhd jod kwd omr tnd")
_WHOLE_HUNDREDS = frozenset({"ugx", "isk"})
"""Currencies that are sent with two decimals, which must be zero."""
_TWO_DECIMAL = _words(
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd "
    "cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd "
    "hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop "
    "mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar "
    "sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah uyu uzs wst xcd yer "
    "zar zmw"
)
CURRENCIES = _TWO_DECIMAL | _ZERO_DECIMAL | _THREE_DECIMAL | _WHOLE_HUNDREDS

_MOST = 99_999_999
"""Eight digits."""
_LEAST = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
    # Not in Stripe's list: about half a US dollar, Stripe's minimum for the other currencies.
    "kes": 6500, "tzs": 130_000, "ugx": 180_000, "rwf": 720, "zar": 900, "ngn": 75_000,
}  # fmt: skip


def check_currency(currency: str) -> str:
    """The currency in lower case.

    Raises:
        StripeError: HTTP 400, Stripe does not support it.
    """
    code = currency.lower()
    if code not in CURRENCIES:
        raise invalid(
            f"Invalid currency: {code[:10]}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(CURRENCIES))}",
            param="currency",
        )
    return code


def check_amount(amount: int, currency: str, *, smallest: bool = True) -> None:
    """Refuse an amount that Stripe would not charge or refund.

    Args:
        amount: in the smallest unit.
        currency: in lower case.
        smallest: whether the minimum of charges applies; refunds have no minimum.

    Raises:
        StripeError: HTTP 400.
    """
    if amount < 1:
        raise _refused("Invalid positive integer", "parameter_invalid_integer")
    if amount > _MOST:
        raise _refused(f"Amount must be no more than {_text(_MOST, currency)}", "amount_too_large")
    if currency in _WHOLE_HUNDREDS and amount % 100:
        raise _refused(
            f"Charges in {currency} cannot have decimals: the amount must be divisible by 100",
            "invalid_charge_amount_no_decimal_compatible",
        )
    if currency in _THREE_DECIMAL and amount % 10:
        raise _refused(
            f"Amounts in {currency} must be rounded to the nearest ten",
            "parameter_invalid_integer",
        )
    if smallest and amount < _LEAST.get(currency, 1):
        raise _refused(
            f"Amount must be at least {_text(_LEAST[currency], currency)}", "amount_too_small"
        )


def share(amount: int, percent: str) -> int:
    """`percent` of an amount, rounded half up to the smallest unit."""
    exact = amount * Decimal(percent) / 100
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def converted(amount: int, currency: str, rate: str) -> int:
    """An amount in US cents.

    Args:
        amount: in the smallest unit, may be negative.
        currency: in lower case.
        rate: US dollars for one of the currency.
    """
    cents = Decimal(amount).scaleb(-_places(currency)) * Decimal(rate) * 100
    return int(cents.quantize(Decimal(1), ROUND_HALF_UP))


def shown(amount: int, currency: str) -> str:
    """An amount for display, with the currency's own decimals: ``30.00 USD``, ``500 JPY``.

    Args:
        amount: in Stripe's smallest unit.
        currency: in lower case.
    """
    exact = Decimal(amount).scaleb(-_places(currency))
    if currency in _WHOLE_HUNDREDS:
        exact = exact.quantize(Decimal(1))
    return f"{exact:f} {currency.upper()}"


def _places(currency: str) -> int:
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def _text(amount: int, currency: str) -> str:
    return f"{Decimal(amount).scaleb(-_places(currency)):f} {currency}"


def _refused(message: str, code: str) -> StripeError:
    return invalid(message, param="amount", code=code)
