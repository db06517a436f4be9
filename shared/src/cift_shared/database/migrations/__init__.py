"""Plain SQL migrations, forward only, and functions by revision.

Read what a release ships, compare it with what a database has, and apply what is missing.
"""

from cift_shared.database.migrations.files import Migration, find_migrations
from cift_shared.database.migrations.function_files import (
    FunctionFile,
    find_functions,
)
from cift_shared.database.migrations.run import migrate
from cift_shared.database.migrations.state import SchemaState, schema_state

__all__ = [
    "FunctionFile",
    "Migration",
    "SchemaState",
    "find_functions",
    "find_migrations",
    "migrate",
    "schema_state",
]
