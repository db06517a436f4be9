"""Where MTN MoMo works: the target environments, their currencies and their accounts. Data only."""

from dataclasses import dataclass

PRODUCTS = ("collection", "disbursement")


@dataclass(frozen=True, slots=True)
class Place:
    """One target environment."""

    target: str
    """`X-Target-Environment`."""
    short: str
    """Its name in settings and in the book."""
    currency: str
    msisdn: str
    """Pattern of its numbers."""

    @property
    def book(self) -> str:
        """Its name in the book of money movements."""
        return f"momo_{self.short}"


PLACES = {
    place.target: place
    for place in (
        Place("mtnuganda", "ug", "UGX", r"256[37]\d{8}"),
        Place("mtnrwanda", "rw", "RWF", r"2507\d{8}"),
        Place("sandbox", "sandbox", "EUR", r"\d{8,15}"),
    )
}
BY_SHORT = {place.short: place for place in PLACES.values()}
