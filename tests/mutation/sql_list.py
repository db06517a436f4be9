"""Every change of SQL that tests must notice.

`where` names what a migration creates ("function ledger.post_dispute"), as the newest migration
that creates it has it, a query of the attempt engine ("query CLAIM"), or a statement of the gateway
("statement idempotency/accept"), or a constant of a module ("query chain_watch.fence.HELD"). `old`
stands there exactly once; a change that no longer fits is an error. The lists of `sql_ledger`,
`sql_chains` and `sql_senders` are every change that `sql_changes` makes of a place.
"""

from tests.mutation.equivalents import SQL_FILE, ListBroken, read_equivalents
from tests.mutation.sql_accepted import ACCEPTED, HELD, JOURNAL
from tests.mutation.sql_aftermath import DISPUTED, UNASKED, WENT_BACK
from tests.mutation.sql_attempts import ATTEMPTS
from tests.mutation.sql_chains import CREDITED, PLANNED, SIGNED
from tests.mutation.sql_compared import COMPARED
from tests.mutation.sql_gateway import GATEWAY
from tests.mutation.sql_kept import KEPT, PAST, SWEPT
from tests.mutation.sql_ledger import BOOKED
from tests.mutation.sql_mutant import SqlMutant
from tests.mutation.sql_operator import CORRECTED, RESOLVED
from tests.mutation.sql_posted import AS_RECEIVED, CONVERTED, POSTED
from tests.mutation.sql_senders import PLACED

_LISTED: list[SqlMutant] = [
    *JOURNAL,
    *HELD,
    *ACCEPTED,
    *POSTED,
    *AS_RECEIVED,
    *CONVERTED,
    *WENT_BACK,
    *UNASKED,
    *DISPUTED,
    *RESOLVED,
    *CORRECTED,
    *COMPARED,
    *SWEPT,
    *KEPT,
    *PAST,
    *BOOKED,
    *SIGNED,
    *PLANNED,
    *CREDITED,
    *PLACED,
    *ATTEMPTS,
    *GATEWAY,
]
SQL_MUTANTS = list({(one.where, one.old, one.new): one for one in reversed(_LISTED)}.values())[::-1]
"""Each of them once: a change that is made by hand, too, is the one that the hand has made."""


def sql_to_judge() -> list[SqlMutant]:
    """Every change but those that no test can notice (`equivalent_sql.txt`).

    Raises:
        ListBroken: a line of that list fits no change any more.
    """
    known = read_equivalents(SQL_FILE.read_text("utf-8"), bars=0)
    strange = set(known) - {mutant.name for mutant in SQL_MUTANTS}
    if strange:
        raise ListBroken("no change of SQL fits:\n" + "\n".join(sorted(strange)))
    return [mutant for mutant in SQL_MUTANTS if mutant.name not in known]
