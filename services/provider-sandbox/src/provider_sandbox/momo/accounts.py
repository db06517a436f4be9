"""Our accounts at MTN: one of each product in each target environment, in whole units."""

from provider_sandbox.momo.places import PLACES, PRODUCTS, Place
from provider_sandbox.twin import Twin


def prepare(twin: Twin) -> None:
    """Create the accounts of a new store; the disbursement accounts have their float."""
    with twin.store.transaction():
        for place in PLACES.values():
            for product in PRODUCTS:
                is_paying = product == "disbursement"
                units = getattr(twin.settings, f"momo_float_{place.short}") if is_paying else 0
                twin.store.execute(
                    "INSERT OR IGNORE INTO momo_accounts VALUES (?, ?)",
                    (_name(place, product), units),
                )


def balance(twin: Twin, place: Place, product: str) -> int:
    """The balance of an account."""
    name = _name(place, product)
    row = twin.store.one("SELECT units FROM momo_accounts WHERE name = ?", (name,))
    return 0 if row is None else int(row["units"])


def add(twin: Twin, place: Place, product: str, units: int) -> None:
    """Add to an account; a negative amount takes money out.

    Raises:
        sqlite3.IntegrityError: the balance would be negative.
    """
    twin.store.execute(
        "UPDATE momo_accounts SET units = units + ? WHERE name = ?", (units, _name(place, product))
    )


def set_balance(twin: Twin, place: Place, product: str, units: int) -> None:
    """Set the balance of an account."""
    twin.store.execute(
        "UPDATE momo_accounts SET units = ? WHERE name = ?", (units, _name(place, product))
    )


def _name(place: Place, product: str) -> str:
    return f"{place.target}.{product}"
