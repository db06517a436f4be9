"""The first lines of the function files, written anew: `make functions`.

python -m tests.support.function_files      a text that has changed is the next revision
"""

from collections.abc import Iterable
from pathlib import Path

from cift_shared.database.migrations.function_files import (
    function_folders,
    sql_files,
    stamped,
)


def source_files() -> list[Path]:
    """Every function file of the packages as they are installed: in place, from the sources."""
    return [Path(str(file)) for _, folder in function_folders() for file in sql_files(folder)]


def stamp(files: Iterable[Path]) -> list[Path]:
    """Write the first line of each file whose text it does not fit; answers those files."""
    changed = []
    for file in files:
        before = file.read_text("utf-8")
        after = stamped(before)
        if after != before:
            file.write_text(after, "utf-8")
            changed.append(file)
    return changed


if __name__ == "__main__":
    for stamped_file in stamp(source_files()):
        print(stamped_file.read_text("utf-8").partition("\n")[0], stamped_file.name)
