"""Find payments by the provider's reference: the receipts are keyed by method and reference."""

from cift_shared.rails.registry import rails

BY_RECEIPT = (
    "select receipt.payment_id from ledger.receipt "
    "where receipt.method = any({}::text[]) and receipt.reference = {}"
)
"""SQL for the payments with a provider's reference; its first argument is all methods."""


def by_receipt(reference: str | None) -> tuple[list[str], str] | None:
    """The arguments of `BY_RECEIPT`; None without a reference."""
    return None if reference is None else (list(rails()), reference)
