"""Every change of SQL that tests must notice.

`where` names what a migration creates ("function ledger.post_dispute"), as the newest migration
that creates it has it, a query of the attempt engine ("query CLAIM"), or a statement of the gateway
("statement idempotency/accept"). `old` stands there exactly once; a change that no longer fits
is an error.
"""

from tests.mutation.sql_accepted import ACCEPTED, HELD, JOURNAL
from tests.mutation.sql_aftermath import DISPUTED, UNASKED, WENT_BACK
from tests.mutation.sql_attempts import ATTEMPTS
from tests.mutation.sql_compared import COMPARED
from tests.mutation.sql_gateway import GATEWAY
from tests.mutation.sql_kept import KEPT, PAST, SWEPT
from tests.mutation.sql_mutant import SqlMutant
from tests.mutation.sql_operator import CORRECTED, RESOLVED
from tests.mutation.sql_posted import AS_RECEIVED, CONVERTED, POSTED

SQL_MUTANTS: list[SqlMutant] = [
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
    *ATTEMPTS,
    *GATEWAY,
]
