"""Run the drill, print one JSON line with its figures.

Exit status: 0 if everything was as it must be, 1 if not, 2 if the drill can't run here.
"""

import asyncio
import json
import sys
import time

from tests.support.kafka import running_embedded_broker, running_kafka, wants_apache_kafka
from tests.support.postgres import running_postgres, throw_away_folder
from tests.upgrade.drill import drill
from tests.upgrade.release import NoHistory, previous_commit, previous_release, this_release
from tests.upgrade.results import is_good


def main() -> int:
    """Run it; returns the exit status."""
    began, commit = time.monotonic(), previous_commit()
    with throw_away_folder("upgrade") as folder:
        try:
            old = previous_release(folder, commit)
        except NoHistory as error:
            print(f"{error}: it needs the project's history, such as a full clone", file=sys.stderr)
            return 2
        setup_s = round(time.monotonic() - began)
        broker = running_kafka() if wants_apache_kafka() else running_embedded_broker()
        with running_postgres() as server, broker as kafka:
            database = server.address(asyncio.run(server.create("cift_upgrade")))
            report = asyncio.run(
                drill(
                    folder / "stack", old, this_release(), database=database, kafka=kafka.bootstrap
                )
            )
    figures = {"from": commit, "setup_s": setup_s, "seconds": round(time.monotonic() - began)}
    good = is_good(report)
    print(json.dumps({"ok": good, **figures, **report}))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
