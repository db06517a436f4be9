"""Balances: the wallets of the phones and the accounts of our short codes.

Wallets are in whole shillings, accounts in cents (charges have cents).
"""

from decimal import Decimal

from provider_sandbox.twin import Twin

PAYBILL = "paybill"
"""Deposits minus reversals."""
UTILITY = "utility"
"""The float from which payouts are paid."""
CHARGES = "charges"
"""Charges Paid; its balance is normally negative."""


def prepare(twin: Twin) -> None:
    """Create the accounts of a new store."""
    with twin.store.transaction():
        for name, shillings in ((PAYBILL, 0), (UTILITY, twin.settings.b2c_float_kes), (CHARGES, 0)):
            twin.store.execute(
                "INSERT OR IGNORE INTO daraja_accounts VALUES (?, ?)", (name, shillings * 100)
            )


def wallet(twin: Twin, msisdn: str) -> int:
    """The balance of a phone's wallet, in whole shillings."""
    row = twin.store.one("SELECT wallet FROM daraja_phones WHERE msisdn = ?", (msisdn,))
    known = row is not None and row["wallet"] is not None
    return int(row["wallet"]) if row is not None and known else twin.settings.wallet_kes


def set_wallet(twin: Twin, msisdn: str, shillings: int) -> None:
    """Set the balance of a wallet, in whole shillings."""
    twin.store.execute(
        "INSERT INTO daraja_phones (msisdn, wallet) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET wallet = excluded.wallet",
        (msisdn, shillings),
    )


def add_to_wallet(twin: Twin, msisdn: str, shillings: int) -> None:
    """Add to a wallet; a negative amount takes money out.

    Raises:
        sqlite3.IntegrityError: the wallet's balance is too low.
    """
    set_wallet(twin, msisdn, wallet(twin, msisdn) + shillings)


def balance_cents(twin: Twin, account: str) -> int:
    """The balance of an account, in cents."""
    row = twin.store.one("SELECT cents FROM daraja_accounts WHERE name = ?", (account,))
    return 0 if row is None else int(row["cents"])


def add_cents(twin: Twin, account: str, cents: int) -> None:
    """Add to an account; a negative amount takes money out."""
    twin.store.execute(
        "UPDATE daraja_accounts SET cents = cents + ? WHERE name = ?", (cents, account)
    )


def set_cents(twin: Twin, account: str, cents: int) -> None:
    """Set the balance of an account, in cents."""
    twin.store.execute("UPDATE daraja_accounts SET cents = ? WHERE name = ?", (cents, account))


def shillings(cents: int) -> Decimal:
    """An amount in cents as shillings with two decimals."""
    return Decimal(cents).scaleb(-2)


def cents(text: str) -> int:
    """An amount in shillings (decimal text) as cents."""
    return int(Decimal(text).scaleb(2))
