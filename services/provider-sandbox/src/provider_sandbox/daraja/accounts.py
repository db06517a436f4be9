"""Money at rest: the wallets of the phones and the accounts of our short codes.

Wallets are in whole shillings, accounts in cents (charges have cents).
"""

from decimal import Decimal

from provider_sandbox.twin import Twin

PAYBILL = "paybill"
"""What depositors paid in, less reversals."""
UTILITY = "utility"
"""The float that payouts are taken from."""
CHARGES = "charges"
"""Charges Paid: normally negative."""


def prepare(twin: Twin) -> None:
    """Open the accounts of a fresh store."""
    with twin.store.transaction():
        for name, shillings in ((PAYBILL, 0), (UTILITY, twin.settings.b2c_float_kes), (CHARGES, 0)):
            twin.store.execute(
                "INSERT OR IGNORE INTO daraja_accounts VALUES (?, ?)", (name, shillings * 100)
            )


def wallet(twin: Twin, msisdn: str) -> int:
    """What a phone holds, in whole shillings."""
    row = twin.store.one("SELECT wallet FROM daraja_phones WHERE msisdn = ?", (msisdn,))
    known = row is not None and row["wallet"] is not None
    return int(row["wallet"]) if row is not None and known else twin.settings.wallet_kes


def set_wallet(twin: Twin, msisdn: str, shillings: int) -> None:
    """Put a wallet at a figure."""
    twin.store.execute(
        "INSERT INTO daraja_phones (msisdn, wallet) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET wallet = excluded.wallet",
        (msisdn, shillings),
    )


def add_to_wallet(twin: Twin, msisdn: str, shillings: int) -> None:
    """Move money in (positive) or out of a wallet.

    Raises:
        sqlite3.IntegrityError: the wallet does not hold that much.
    """
    set_wallet(twin, msisdn, wallet(twin, msisdn) + shillings)


def balance_cents(twin: Twin, account: str) -> int:
    """What an account holds."""
    row = twin.store.one("SELECT cents FROM daraja_accounts WHERE name = ?", (account,))
    return 0 if row is None else int(row["cents"])


def add_cents(twin: Twin, account: str, cents: int) -> None:
    """Move money in (positive) or out of an account."""
    twin.store.execute(
        "UPDATE daraja_accounts SET cents = cents + ? WHERE name = ?", (cents, account)
    )


def set_cents(twin: Twin, account: str, cents: int) -> None:
    """Put an account at a figure."""
    twin.store.execute("UPDATE daraja_accounts SET cents = ? WHERE name = ?", (cents, account))


def shillings(cents: int) -> Decimal:
    """Cents as shillings with two decimals."""
    return Decimal(cents).scaleb(-2)


def cents(text: str) -> int:
    """Shillings as decimal text, in cents."""
    return int(Decimal(text).scaleb(2))
