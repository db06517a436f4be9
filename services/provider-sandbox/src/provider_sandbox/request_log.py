"""Every received request that can move money; the counts show whether a caller sent one twice."""

from typing import Any

from provider_sandbox.clock import Clock
from provider_sandbox.store import Store


class RequestLog:
    """One row for each request that can move money, accepted or not."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def record(self, operation: str, *, reference: str | None, callback_url: str | None) -> int:
        """Record a request before it is processed; return its number."""
        return self._store.insert(
            "arrivals",
            at=self._clock.now(),
            operation=operation,
            reference=reference,
            callback_url=callback_url,
        )

    def accept(self, seq: int) -> None:
        """Record that the request took effect, inside the caller's transaction."""
        self._store.execute("UPDATE arrivals SET accepted = 1 WHERE seq = ?", (seq,))

    def summary(self, *, at_least: int) -> dict[str, Any]:
        """Counts for each operation: by the caller's reference and by callback address.

        Each count is given for all received requests and for the accepted ones.

        Args:
            at_least: leave out references and addresses that were seen less often.
        """
        totals = self._store.all(
            "SELECT operation, count(*) AS received, sum(accepted) AS accepted"
            " FROM arrivals GROUP BY operation"
        )
        return {
            row["operation"]: {
                "received": row["received"],
                "accepted": row["accepted"],
                "by_reference": self._counts("reference", row["operation"], at_least),
                "by_callback_url": self._counts("callback_url", row["operation"], at_least),
                "accepted_by_reference": self._counts(
                    "reference", row["operation"], at_least, accepted=True
                ),
                "accepted_by_callback_url": self._counts(
                    "callback_url", row["operation"], at_least, accepted=True
                ),
            }
            for row in totals
        }

    def _counts(
        self, column: str, operation: str, at_least: int, *, accepted: bool = False
    ) -> dict[str, int]:
        sql = (
            f"SELECT {column} AS name, count(*) AS n FROM arrivals"  # noqa: S608 - own names only
            f" WHERE operation = ? AND {column} IS NOT NULL AND accepted >= ?"
            f" GROUP BY {column} HAVING n >= ?"
        )
        rows = self._store.all(sql, (operation, int(accepted), at_least))
        return {row["name"]: row["n"] for row in rows}
