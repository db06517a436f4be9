"""The countries in which MTN MoMo is a rail, and what differs between them. Data only."""

from dataclasses import dataclass

PROVIDER = "mtn_momo"
"""The provider's name in the API, and part of the name of the topic of its notices."""
SHOWN = "MTN MoMo"
"""The provider's name for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """One country: its rail, its currency and MTN's name for its wallets."""

    code: str
    """ISO 3166 alpha-2."""
    name: str
    rail: str
    """The name of the rail, of its schema and of its account."""
    currency: str
    """Its currency, which has no decimal places."""
    calling_code: str
    target_environment: str
    """`X-Target-Environment` of its real wallets. Source: momodeveloper.mtn.com, "API description".
    """
    prefix: str
    """The first part of its settings' names."""
    calls: int
    """The first of the numbers in its callback paths; each country has 16."""
    smallest: int
    largest: int
    """Limits of one payment in whole units of the currency."""


UGANDA = Country(
    code="UG",
    name="Uganda",
    rail="momo_ug",
    currency="UGX",
    calling_code="256",
    target_environment="mtnuganda",
    prefix="MOMO_UG",
    calls=32,
    smallest=500,
    # Source: Bank of Uganda, limits of mobile money from 1 March 2022: 5 million for each payment.
    largest=5_000_000,
)
RWANDA = Country(
    code="RW",
    name="Rwanda",
    rail="momo_rw",
    currency="RWF",
    calling_code="250",
    target_environment="mtnrwanda",
    prefix="MOMO_RW",
    calls=48,
    smallest=100,
    # No public source: the contract with MTN Rwanda decides, and MTN refuses what is above it.
    largest=2_000_000,
)
COUNTRIES = (UGANDA, RWANDA)
