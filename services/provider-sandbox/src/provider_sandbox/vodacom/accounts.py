"""Balances in whole shillings: the wallets of the phones, and our organisation's account."""

from provider_sandbox.twin import Twin

_OURS = "organisation"


def prepare(twin: Twin) -> None:
    """Create our account in a new store."""
    twin.store.execute(
        "INSERT OR IGNORE INTO vodacom_accounts VALUES (?, ?)",
        (_OURS, twin.settings.vodacom_balance),
    )


def balance(twin: Twin) -> int:
    """Our balance."""
    row = twin.store.one("SELECT shillings FROM vodacom_accounts WHERE name = ?", (_OURS,))
    return 0 if row is None else int(row["shillings"])


def set_balance(twin: Twin, shillings: int) -> None:
    """Set our balance."""
    twin.store.execute("INSERT OR REPLACE INTO vodacom_accounts VALUES (?, ?)", (_OURS, shillings))


def wallet(twin: Twin, msisdn: str) -> int:
    """The balance of a phone's wallet."""
    row = twin.store.one("SELECT wallet FROM vodacom_phones WHERE msisdn = ?", (msisdn,))
    if row is None or row["wallet"] is None:
        return twin.settings.vodacom_wallet
    return int(row["wallet"])


def set_wallet(twin: Twin, msisdn: str, shillings: int) -> None:
    """Set the balance of a wallet."""
    twin.store.execute(
        "INSERT INTO vodacom_phones (msisdn, wallet) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET wallet = excluded.wallet",
        (msisdn, shillings),
    )


def to_us(twin: Twin, msisdn: str, shillings: int) -> None:
    """Move from a wallet to our account; a negative amount moves the other way.

    Raises:
        sqlite3.IntegrityError: a balance would be below zero.
    """
    set_wallet(twin, msisdn, wallet(twin, msisdn) - shillings)
    set_balance(twin, balance(twin) + shillings)
