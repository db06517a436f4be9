"""A worker's schema in memory: the same statements as on PostgreSQL, each of them one step.

The statements are those of `cift_shared.attempts.queries`, `lease` and `outbox_queries`;
`test_store_likeness.py` and `test_lease_likeness.py` hold both to the same answers.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import asyncpg

from cift_shared.attempts import queries
from cift_shared.attempts.processor import CANCEL_REQUESTED
from cift_shared.database import lease
from cift_shared.messaging import outbox_queries

Row = dict[str, Any]
QUERIED = ("waiting", "unknown", "review")
"""States in which a caller can have the provider queried now."""


class Schema:
    """The tables `attempt`, `notice` and `outbox` of one worker, and what can be asked of them."""

    def __init__(self, name: str, now: Callable[[], datetime]) -> None:
        self.name = name
        self.now = now
        self.attempts: dict[Any, Row] = {}
        self.notices: dict[str, Row] = {}
        self.outbox: list[Row] = []
        self.edges: set[tuple[str, str]] = set()
        """Every change of an attempt's state that was ever stored."""
        self._outbox_id = 0
        self.leases: dict[str, Row] = {}
        self._touched = datetime.min.replace(tzinfo=UTC)
        self._statements = {
            query.format(schema=name): (label, run)
            for query, label, run in (
                (queries.INGEST, "ingest", self._ingest),
                (queries.REPUBLISH, "send_again", self._send_again),
                (queries.CANCEL_BEFORE_ARRIVAL, "cancel_early", self._cancel_before_it_came),
                (queries.CANCEL_UNSENT, "cancel", self._cancel_unsent),
                (queries.STORE_CANCELED_RESULT, "remember_canceled", self._remember_canceled),
                (queries.NEXT_CHECK, "next_check", self._next_check),
                (queries.CLAIM, "claim", self._claim),
                (queries.RELEASE_OWN, "release_own", self._release_own),
                (queries.RELEASE_LOST, "release_lost", self._release_lost),
                (queries.NEXT_DUE, "next_due", self._next_due),
                (queries.SAVE, "save", self._save),
                (queries.STORE_NOTICES, "store_notices", self._store_notices),
                (queries.MAKE_DUE, "make_due", self._make_due),
                (queries.VERIFY, "verify", self._verify),
                (queries.OPEN_NOTICES, "open_notices", self._open_notices),
                (queries.COUNT_OPEN, "count_open", self._count_open),
                (lease.HOLDER, "holder", self._holder),
                (lease.TAKE, "lease", self._take_lease),
                (lease.RENEW, "renew", self._renew_lease),
                (lease.RELEASE, "release", self._release_lease),
                (outbox_queries.READ, "select_outbox", self._read_outbox),
                (outbox_queries.STUCK, "stuck", self._stuck),
                (outbox_queries.DELETE, "delete_outbox", self._delete_outbox),
            )
        }

    def run(self, sql: str, args: tuple[Any, ...]) -> list[Row]:
        """Carry out one statement, whole or not at all."""
        known = self._statements.get(sql)
        if known is not None:
            return known[1](*args)
        assert "insert into" in sql, sql
        assert ".outbox" in sql, sql
        for topic, key, headers, body in zip(*args, strict=True):
            self.queue(topic, key, headers, body)
        return []

    def label(self, sql: str) -> str:
        known = self._statements.get(sql)
        if known is not None:
            return f"{self.name}.{known[0]}"
        return f"{self.name}.{sql.split(maxsplit=1)[0]}_outbox"

    def queue(self, topic: str, key: str, headers: Any, body: bytes) -> None:
        self._outbox_id += 1
        self.outbox.append(
            {"id": self._outbox_id, "topic": topic, "key": key, "headers": headers, "body": body}
        )

    def _holder(self, name: str) -> list[Row]:
        held = self.leases.get(name)
        if held is None or held["holder"] is None:
            return []
        return [{**held, "holds": held["ends_at"] > self.now()}]

    def _take_lease(
        self, name: str, holder: str, length: timedelta, process: str | None
    ) -> list[Row]:
        held = self.leases.get(name)
        if (
            held is not None
            and held["holder"] not in (None, holder)
            and held["ends_at"] > self.now()
        ):
            return []
        epoch = held["epoch"] + 1 if held is not None else 1
        self.leases[name] = {
            "holder": holder,
            "epoch": epoch,
            "process": process,
            "ends_at": self.now() + length,
        }
        return [{"epoch": epoch}]

    def holds_lease(self, name: str, holder: str, epoch: int) -> bool:
        """The fence of every statement that only the holder may run."""
        held = self.leases.get(name)
        return held is not None and (held["holder"], held["epoch"]) == (holder, epoch)

    def _renew_lease(self, name: str, holder: str, epoch: int, length: timedelta) -> list[Row]:
        if not self.holds_lease(name, holder, epoch):
            return []
        self.leases[name]["ends_at"] = self.now() + length
        return [{"renewed": True}]

    def _release_lease(self, name: str, holder: str, epoch: int) -> list[Row]:
        if self.holds_lease(name, holder, epoch):
            self.leases[name] |= {"holder": None, "ends_at": self.now()}
        return []

    def _read_outbox(
        self,
        name: str,
        holder: str,
        epoch: int,
        length: timedelta,
        gap: timedelta,
        limit: int,
        above: int,
        left_out: Sequence[str],
    ) -> list[Row]:
        if not self.holds_lease(name, holder, epoch):
            return []
        held = self.leases[name]
        if held["ends_at"] < self.now() + length - gap:
            held["ends_at"] = self.now() + length
        left_s = (held["ends_at"] - self.now()).total_seconds()
        found = (r for r in self.outbox if r["id"] > above and r["topic"] not in left_out)
        rows = [{**row, "left_s": left_s, "age_s": 0} for row in islice(found, limit)]
        return rows or [{"left_s": left_s, "id": None}]

    def _stuck(
        self, left_out: Sequence[str], above: int, lasts: timedelta, limit: int
    ) -> list[Row]:
        """Every row here was written in the moment of its commit: none comes late."""
        stuck = [row["topic"] for row in self.outbox if row["topic"] in left_out][:limit]
        others = [r["id"] for r in self.outbox if r["id"] > above and r["topic"] not in left_out]
        last = self.outbox[-1]["id"] if self.outbox else above
        settled = others[0] - 1 if others else last
        rows = [{"topic": name, "waiting": count} for name, count in Counter(stuck).items()]
        return [{"settled": settled, **row} for row in rows or [{"topic": None, "waiting": None}]]

    def _delete_outbox(self, name: str, holder: str, epoch: int, ids: Any) -> list[Row]:
        if not self.holds_lease(name, holder, epoch):
            return [{"led": False}]
        gone = set(ids)
        self.outbox[:] = [row for row in self.outbox if row["id"] not in gone]
        return [{"led": True}]

    def snapshot(self) -> Any:
        """Rows change in place, what is in their fields never does."""
        tables = ({key: dict(row) for key, row in table.items()} for table in self._tables())
        return (*tables, list(self.outbox))

    def _tables(self) -> tuple[dict[Any, Row], dict[str, Row]]:
        return self.attempts, self.notices

    def restore(self, snapshot: Any) -> None:
        self.attempts, self.notices, self.outbox = snapshot

    def _touch(self) -> datetime:
        """The moment of a write, never the same twice."""
        self._touched = max(self.now(), self._touched + timedelta(microseconds=1))
        return self._touched

    def _move(self, row: Row, state: str) -> None:
        self.edges.add((row["state"], state))
        row["state"] = state

    def _ingest(self, ids: Any, subjects: Any, kinds: Any, requests: Any, traces: Any) -> list[Row]:
        fresh = []
        for attempt_id, subject, kind, request, trace in zip(
            ids, subjects, kinds, requests, traces, strict=True
        ):
            if attempt_id not in self.attempts:
                row = self._row(attempt_id, subject, "ready")
                row |= {
                    "operation": kind,
                    "request": request,
                    "trace": trace,
                    "next_check_at": self.now(),
                }
                fresh.append({"payment_id": subject})
        return fresh

    def _row(self, attempt_id: Any, subject: Any, state: str) -> Row:
        row: Row = {
            "attempt_id": attempt_id,
            "payment_id": subject,
            "operation": None,
            "state": state,
            "request": None,
            "memory": {},
            "fingerprint": None,
            "maybe_sent": False,
            "submits": 0,
            "checks": 0,
            "seq": 0,
            "last_result": None,
            "last_headers": None,
            "trace": {},
            "lease": 0,
            "lease_owner": None,
            "next_check_at": None,
            "created_at": self.now(),
            "updated_at": self._touch(),
        }
        self.edges.add(("", state))
        self.attempts[attempt_id] = row
        return row

    def _send_again(self, subjects: Any, results: str, method_results: str) -> list[Row]:
        for row in self.attempts.values():
            if row["payment_id"] in subjects and row["last_result"] is not None:
                about_method = row["operation"] in ("setup", "detach")
                headers = row["last_headers"]
                topic = method_results if about_method else results
                self.queue(topic, headers["ce_subject"], headers, row["last_result"])
        return []

    def _cancel_before_it_came(self, attempt_id: Any, subject: Any) -> list[Row]:
        if attempt_id in self.attempts:
            return []
        self._row(attempt_id, subject, "done")
        return [{"attempt_id": attempt_id, "seq": 0}]

    def _cancel_unsent(self, subject: Any) -> list[Row]:
        for row in self.attempts.values():
            if row["payment_id"] == subject and row["state"] == "ready" and not row["maybe_sent"]:
                self._move(row, "done")
                row["lease"] += 1
                row |= {"next_check_at": None, "lease_owner": None, "updated_at": self._touch()}
                return [{"attempt_id": row["attempt_id"], "seq": row["seq"]}]
        return []

    def _next_check(self, subject: Any) -> list[Row]:
        return [
            {"next_check_at": row["next_check_at"]}
            for row in self.attempts.values()
            if row["payment_id"] == subject
        ]

    def _remember_canceled(self, attempt_id: Any, body: bytes, headers: Any) -> list[Row]:
        row = self.attempts[attempt_id]
        row["seq"] += 1
        row |= {"last_result": body, "last_headers": headers}
        return []

    def _claim(self, states: Any, limit: int, owner: str, lease: timedelta) -> list[Row]:
        now = self.now()
        due = [
            row
            for row in self.attempts.values()
            if row["next_check_at"] is not None
            and row["next_check_at"] <= now
            and row["state"] in states
        ]
        claimed = []
        for row in sorted(due, key=lambda row: row["next_check_at"])[:limit]:
            before = row["state"]
            row["lease"] += 1
            row |= {"lease_owner": owner, "next_check_at": now + lease}
            row["updated_at"] = self._touch()
            row["maybe_sent"] = row["maybe_sent"] or before == "sending"
            row["submits"] += before in ("ready", "sending")
            if before == "ready":
                self._move(row, "sending")
            told = {**row, "memory": dict(row["memory"]), "state_before": before}
            claimed.append({**told, "age": now - row["created_at"]})
        return claimed

    def _release_own(self, owner: str) -> list[Row]:
        for row in self.attempts.values():
            if (row["lease_owner"] or "").split("/")[0] == owner:
                row |= {"next_check_at": self.now(), "lease_owner": None}
        return []

    def _release_lost(self, owner: str, states: Any, kept: Any) -> list[Row]:
        for row in self.attempts.values():
            is_kept = row["attempt_id"] in kept or row["state"] not in states
            if row["lease_owner"] == owner and not is_kept:
                never_sent = row["state"] == "sending" and not row["maybe_sent"]
                self._move(row, "ready" if never_sent else row["state"])
                row |= {"next_check_at": self.now(), "lease_owner": None}
        return []

    def _next_due(self, states: Any) -> list[Row]:
        due = [
            row["next_check_at"]
            for row in self.attempts.values()
            if row["next_check_at"] is not None and row["state"] in states
        ]
        return [{"s": (min(due) - self.now()).total_seconds() if due else None}]

    def _save(self, *columns: Any) -> list[Row]:
        """As `queries.SAVE`; two of its parameters are lists of notices."""
        taken, seen = set(columns[12]), set(columns[14])
        names = [
            *("attempt_id", "lease", "state", "check_after_s", "memory", "fingerprint"),
            *("maybe_sent", "checked", "key", "headers", "body", "tells_state"),
        ]
        inputs = [
            dict(zip([*names, "topic", "touched_at", "result_seq"], values, strict=True))
            for values in zip(*columns[:12], columns[13], *columns[15:], strict=True)
        ]
        held = [one for one in inputs if self._holds(one)]
        late = [one for one in inputs if one["memory"] and one not in held and self._is_known(one)]
        self._refuse(held, late, seen)
        moved = []
        for one in held:
            if one["attempt_id"] not in moved:
                moved.append(one["attempt_id"])
                self._store(one, seen)
        for one in late:
            if one["attempt_id"] not in moved:
                self._keep_late(one)
        for notice in self.notices.values():
            if notice["notice_id"] in taken and notice["attempt_id"] in moved:
                notice["handled_at"] = self.now()
        return [{"attempt_id": attempt_id} for attempt_id in moved]

    def _holds(self, one: Row) -> bool:
        row = self.attempts.get(one["attempt_id"])
        return row is not None and row["lease"] == one["lease"]

    def _is_known(self, one: Row) -> bool:
        return one["attempt_id"] in self.attempts

    def _refuse(self, held: list[Row], late: list[Row], seen: set[str]) -> None:
        """The constraints of the table, looked at before anything is changed."""
        used = {
            row["fingerprint"]: attempt_id
            for attempt_id, row in self.attempts.items()
            if row["fingerprint"] is not None
        }
        for one in [*held, *late]:
            is_open = one["state"] not in ("done", "review")
            is_late = one in late
            due_now = not is_late and self._has_news(one, seen)
            due_now = due_now and (one["state"] != "ready" or one["maybe_sent"])
            if is_open and one["check_after_s"] is None and not is_late and not due_now:
                raise asyncpg.CheckViolationError("attempt_check")
            mark = one["fingerprint"]
            has_one = self.attempts[one["attempt_id"]]["fingerprint"] is not None
            if (
                mark
                and not has_one
                and used.setdefault(mark, one["attempt_id"]) != one["attempt_id"]
            ):
                raise asyncpg.UniqueViolationError("attempt_fingerprint_key")

    def _store(self, one: Row, seen: set[str]) -> None:
        row = self.attempts[one["attempt_id"]]
        again = one["state"] == "ready" and one["maybe_sent"]
        news = self._has_news(one, seen)
        self._move(row, "unknown" if again and news else one["state"])
        row["memory"] = {**row["memory"], **one["memory"]}
        row["fingerprint"] = row["fingerprint"] or one["fingerprint"]
        row["maybe_sent"] = one["maybe_sent"]
        row["checks"] += one["checked"]
        row["seq"] = row["seq"] if one["result_seq"] is None else one["result_seq"]
        if one["tells_state"]:
            row |= {"last_result": one["body"], "last_headers": one["headers"]}
        after_s = one["check_after_s"]
        row["next_check_at"] = None if after_s is None else self.now() + timedelta(seconds=after_s)
        if news and (one["state"] != "ready" or one["maybe_sent"]):
            row["next_check_at"] = self.now()
        row["updated_at"] = self._touch()
        row["lease_owner"] = None
        if one["body"] is not None:
            self.queue(one["topic"], one["key"], one["headers"], one["body"])

    def _has_news(self, one: Row, seen: set[str]) -> bool:
        """True when a notice came that the decision did not see, or the row was touched since."""
        row = self.attempts[one["attempt_id"]]
        unseen = any(
            notice["attempt_id"] == one["attempt_id"]
            and notice["handled_at"] is None
            and notice["notice_id"] not in seen
            and (one["state"] != "ready" or notice["purpose"] != CANCEL_REQUESTED)
            for notice in self.notices.values()
        )
        touched = row["lease_owner"] is not None and row["updated_at"] != one["touched_at"]
        return unseen or touched

    def _keep_late(self, one: Row) -> None:
        row = self.attempts[one["attempt_id"]]
        row["memory"] = {**one["memory"], **row["memory"]}
        row["fingerprint"] = row["fingerprint"] or one["fingerprint"]
        if row["lease_owner"] is None:
            row["next_check_at"] = min(row["next_check_at"] or self.now(), self.now())
        row["updated_at"] = self._touch()

    def _store_notices(self, *columns: Any) -> list[Row]:
        names = ["notice_id", "attempt_id", "purpose", "sealed_body"]
        names += ["source_listed", "received_at"]
        fresh: dict[Any, None] = {}
        for *values, mark in zip(*columns, strict=True):
            notice = {**dict(zip(names, values, strict=True)), "handled_at": None}
            if notice["attempt_id"] is None:
                notice["attempt_id"] = next(
                    (
                        attempt_id
                        for attempt_id, row in self.attempts.items()
                        if mark is not None and row["fingerprint"] == mark
                    ),
                    None,
                )
            if notice["notice_id"] not in self.notices:
                self.notices[notice["notice_id"]] = notice
                if notice["attempt_id"] is not None:
                    fresh[notice["attempt_id"]] = None
        return [{"attempt_id": attempt_id} for attempt_id in fresh]

    def _make_due(self, attempt_ids: Any) -> list[Row]:
        due = []
        for attempt_id in attempt_ids:
            row = self.attempts.get(attempt_id)
            if row is None or row["request"] is None:
                continue
            if row["state"] == "ready" and not row["maybe_sent"]:
                continue
            is_free = row["lease_owner"] is None
            if is_free:
                row["next_check_at"] = self.now()
                self._move(row, "unknown" if row["state"] == "ready" else row["state"])
            row["updated_at"] = self._touch()
            due.append({"is_due": is_free})
        return due

    def _verify(
        self, subject: Any, notice_id: str, purpose: int, reference: str | None, at: datetime
    ) -> list[Row]:
        due = []
        for row in self.attempts.values():
            if row["payment_id"] != subject or row["state"] not in QUERIED:
                continue
            if reference is not None:
                notice = {
                    "notice_id": notice_id, "attempt_id": row["attempt_id"], "purpose": purpose,
                    "sealed_body": reference, "source_listed": False, "received_at": at,
                    "handled_at": None,
                }  # fmt: skip
                self.notices.setdefault(notice_id, notice)
                row["updated_at"] = self._touch()
            is_free = row["lease_owner"] is None
            if is_free:
                row["next_check_at"] = min(row["next_check_at"] or self.now(), self.now())
            due.append({"is_due": is_free})
        return due

    def _open_notices(self, attempt_ids: Any, most: int) -> list[Row]:
        found = [
            dict(notice)
            for notice in self.notices.values()
            if notice["attempt_id"] in attempt_ids and notice["handled_at"] is None
        ]
        found.sort(key=lambda notice: (notice["received_at"], notice["notice_id"]))
        places: dict[Any, int] = {}
        for notice in found:
            places[notice["attempt_id"]] = notice["place"] = places.get(notice["attempt_id"], 0) + 1
        return [notice for notice in found if notice["place"] <= most]

    def _count_open(self) -> list[Row]:
        counts: dict[str, int] = {}
        for row in self.attempts.values():
            if row["state"] != "done":
                counts[row["state"]] = counts.get(row["state"], 0) + 1
        return [{"state": state, "count": count} for state, count in counts.items()]
