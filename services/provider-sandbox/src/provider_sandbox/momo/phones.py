"""The virtual phones: behaviour, wallet, and whether the last submission was hit by a fault."""

from provider_sandbox.faults import Kind
from provider_sandbox.momo.behaviours import BEHAVIOURS, BY_SUFFIX, Behaviour
from provider_sandbox.twin import Twin

_WITH_MEANING = ("2563", "2567", "2507", "46733123")
"""Numbers whose last digits select a behaviour: those of the two countries, and the numbers that
MTN publishes for its sandbox. Any other number of the sandbox pays."""


def behaviour_of(twin: Twin, msisdn: str) -> Behaviour:
    """The behaviour of a number: set by hand, else by its last three digits, else pays."""
    row = twin.store.one("SELECT behaviour FROM momo_phones WHERE msisdn = ?", (msisdn,))
    if row is not None and row["behaviour"] is not None:
        return BEHAVIOURS[row["behaviour"]]
    has_meaning = twin.settings.suffix_behaviours and msisdn.startswith(_WITH_MEANING)
    if has_meaning and msisdn[-3:] in BY_SUFFIX:
        return BY_SUFFIX[msisdn[-3:]]
    return BEHAVIOURS["pays"]


def set_behaviour(twin: Twin, msisdn: str, name: str) -> None:
    """Choose the behaviour of a number."""
    twin.store.execute(
        "INSERT INTO momo_phones (msisdn, behaviour) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET behaviour = excluded.behaviour",
        (msisdn, name),
    )


def wallet(twin: Twin, msisdn: str) -> int:
    """The balance of a number's wallet, in whole units."""
    row = twin.store.one("SELECT wallet FROM momo_phones WHERE msisdn = ?", (msisdn,))
    known = row is not None and row["wallet"] is not None
    return int(row["wallet"]) if row is not None and known else twin.settings.momo_wallet


def set_wallet(twin: Twin, msisdn: str, units: int) -> None:
    """Set the balance of a wallet.

    Raises:
        sqlite3.IntegrityError: it would be negative.
    """
    twin.store.execute(
        "INSERT INTO momo_phones (msisdn, wallet) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET wallet = excluded.wallet",
        (msisdn, units),
    )


def submit_fault(twin: Twin, msisdn: str, behaviour: Behaviour) -> Kind | None:
    """The fault that hits this submission, or None; stores whether it was hit."""
    if behaviour.submit is None or not behaviour.submit_alternates:
        return behaviour.submit
    row = twin.store.one("SELECT refused_last FROM momo_phones WHERE msisdn = ?", (msisdn,))
    refuse = row is None or not row["refused_last"]
    twin.store.execute(
        "INSERT INTO momo_phones (msisdn, refused_last) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET refused_last = excluded.refused_last",
        (msisdn, int(refuse)),
    )
    return behaviour.submit if refuse else None
