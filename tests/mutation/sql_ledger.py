"""Every change of the ledger's newer functions that move or hold money."""

from tests.mutation.sql_changes import every
from tests.mutation.sql_mutant import CHARGED, HOLDS, SqlMutant, books

_EXCHANGED = books("exchanged")
_HELD = (*HOLDS, *books("money_guards"))


def _functions(names: str, tests: tuple[str, ...]) -> list[SqlMutant]:
    return [one for name in names.split() for one in every(f"function ledger.{name}", *tests)]


BOOKED = [
    *_functions("charge", CHARGED),
    *every("view ledger.held_withdrawal", *books("held_withdrawal")),
    *_functions(
        "exchange_fits exchange_gone exchange_legs exchange_accounts exchanged_worth "
        "source_account paid_in",
        _EXCHANGED,
    ),
    *_functions("set_aside end_hold hold_funds expire_holds", _HELD),
]
