"""Gathers the evidence: own SQL, the twins' books over HTTP, the topic of events.

The installed rails say which schemas and which twins there are, and how a twin's book is read.

It shares no code with the services, so no mistake of theirs can hide here. The order of reading is
part of the proof: first our tables, in one snapshot, then the books. Money that the provider moves
between the two belongs to a payment that our tables show as open.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer

from cift_shared.messaging.topics import RAIL_STATUSES
from cift_shared.rails.local import TwinBook, local_rails
from cift_shared.rails.registry import rails
from tests.chaos.clients.history import History
from tests.chaos.evidence import facts
from tests.chaos.evidence.facts import Evidence
from tests.chaos.rails.installed import TRAFFIC
from tests.chaos.rails.traffic import RailTraffic

EVENTS_TOPIC = "payments.events"
KEYS = (
    "attempt",
    "OriginatorConversationID",
    "ThirdPartyConversationID",
    "refund_custom_id",
    "custom_id",
    "sender_item_id",
    "externalId",
)
"""Names under which a twin records our attempt, where a request carries its id as it is; the first
that is there counts: a refund of PayPal's names its deposit as well."""
SCHEMAS = ("gateway", "ledger", *local_rails())
NOT_FOUND = 404
BOOKS = {local.book.provider: local.book for local in local_rails().values()}
_LEADS = re.compile(r'^cift_leader_is_self\{role="([^"]+)"\} 1\.0$', re.MULTILINE)
_TOKEN = re.compile(r"/callbacks/(?:[a-z-]+/)?([0-9a-f]{66})$")
_ID_DIGITS = 32
_BARE_ID = re.compile(r"[0-9a-f]{32}[0-9]{0,8}")
_POLL_MS = 500

_PAYMENTS = """
select payment_id::text, merchant_id as merchant, livemode, customer_id as customer, type, method,
       rail, status, minor, currency, fee_minor as fee, net_minor as net,
       parent_payment_id::text as parent, refunded_minor as refunded,
       refund_pending_minor as refund_pending, reversed_minor as reversed,
       disputed_minor as disputed, provider_reference as reference,
       provider_fee_minor as provider_fee, suspense_posted,
       merchant_account_id is not null as paid_by_merchant, version,
       pricing #>> '{exchange,amount}' as to_pay, pricing #>> '{exchange,currency}' as paid_in,
       pricing #>> '{exchange,rate,value}' as rate, coalesce(requested_minor, minor) as quoted,
       exists (select from ledger.unfinished u where u.payment_id = p.payment_id) as swept,
       exists (select from ledger.payment_event e
                where e.payment_id = p.payment_id and e.kind = 'received') as received
  from ledger.payment p order by created_at, payment_id
"""
_CHANGES = """
select event_seq as seq, payment_id::text, version, kind, from_status, to_status, disposition,
       result_id
  from ledger.payment_event order by event_seq
"""
_ENTRIES = """
select e.tx_id as tx, e.seq, coalesce(t.kind, '') as kind, t.payment_id::text,
       e.account_id as account, a.tenant, a.code, e.currency, e.amount, e.balance_after,
       e.account_version
  from ledger.entry e
  left join ledger.ledger_tx t using (tx_id)
  left join ledger.account a using (account_id)
 order by e.tx_id, e.seq
"""
_ACCOUNTS = """
select account_id as account, a.tenant, a.code, a.currency, b.posted, b.held, b.version
  from ledger.account a join ledger.balance b using (account_id) order by account_id
"""
_HOLDS = """
select hold_id, payment_id::text, account_id as account, amount, captured, state
  from ledger.hold order by hold_id
"""
_ATTEMPTS = """
select '{schema}' as worker, attempt_id::text, payment_id::text, operation, state, seq,
       next_check_at
  from {schema}.attempt order by created_at, attempt_id
"""
_NOTICES = """
select notice_id, attempt_id::text, handled_at is null as is_open from {schema}.notice
"""
_WEBHOOKS = """
select notice_id, attempt_id::text, disposition = 'published' as published from gateway.inbox
"""
_QUEUED = f"""
select '{{schema}}' as schema, topic, key from {{schema}}.outbox
 where topic <> '{RAIL_STATUSES}' order by id
"""
"""Workers report about their rails for ever: such a message may always be on its way."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the evidence is."""

    database_url: str
    twins: Mapping[str, str]
    """By rail."""
    kafka: str
    processes: Mapping[str, str] = field(default_factory=dict)
    """Addresses of processes that say whether they lead."""


async def gather(places: Places, history: History) -> Evidence:
    """Read everything that the checker judges by."""
    tables = await _read_tables(places.database_url)
    twins = [await _read_twin(twin) for twin in dict.fromkeys(places.twins.values())]
    taken: dict[str, dict[str, int]] = {}
    for rail, twin in places.twins.items():
        counted = _taken(await _requests(twin), TRAFFIC[rail])
        taken |= {f"{word} of {rail}": counts for word, counts in counted.items()}
    return Evidence(
        **tables,
        said=tuple(history.said),
        movements=tuple(moved for movements, _ in twins for moved in movements),
        callbacks=tuple(told for _, callbacks in twins for told in callbacks),
        taken=taken,
        events=tuple(await _events(places.kafka)),
        leaders=tuple(await _leaders(places.processes)),
    )


async def _read_twin(twin: str) -> tuple[list[facts.Movement], list[facts.Callback]]:
    """What a process of twins moved, and the webhooks that were taken from it."""
    async with httpx.AsyncClient(base_url=twin, timeout=30) as http:
        book = await _read(http, "/control/book", limit=1_000_000)
        callbacks = await _read(http, "/control/callbacks", limit=1_000_000)
    return list(map(movement, book["entries"])), list(_delivered(callbacks["entries"]))


async def _requests(twin: str) -> dict[str, Any]:
    """How many requests a process of twins took, by operation."""
    async with httpx.AsyncClient(base_url=twin, timeout=30) as http:
        return await _read(http, "/control/requests")


async def _leaders(processes: Mapping[str, str]) -> list[facts.Leader]:
    """Who says that it leads what; who does not answer says nothing."""
    found = []
    async with httpx.AsyncClient(timeout=2) as http:
        for process, address in processes.items():
            try:
                said = (await http.get(f"{address}/metrics")).text
            except httpx.TransportError:
                continue
            roles = _LEADS.findall(said)
            found += [facts.Leader(role=role, process=process) for role in roles]
    return found


async def _read_tables(database_url: str) -> dict[str, Any]:
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _tables(connection)
    finally:
        await connection.close()


async def _tables(connection: Any) -> dict[str, Any]:
    async def rows(kind: Any, *queries: str) -> tuple[Any, ...]:
        found = [row for query in queries for row in await connection.fetch(query)]
        return tuple(kind(**_plain(row)) for row in found)

    return {
        "taken_at": await connection.fetchval("select now()"),
        "payments": tuple(payment(_plain(row)) for row in await connection.fetch(_PAYMENTS)),
        "changes": await rows(facts.Change, _CHANGES),
        "entries": await rows(facts.Entry, _ENTRIES),
        "accounts": await rows(facts.Account, _ACCOUNTS),
        "holds": await rows(facts.Hold, _HOLDS),
        "attempts": await rows(facts.Attempt, *(_ATTEMPTS.format(schema=s) for s in local_rails())),
        "notices": await rows(facts.Notice, *(_NOTICES.format(schema=s) for s in local_rails())),
        "webhooks": await rows(facts.Webhook, _WEBHOOKS),
        "queued": await rows(facts.Queued, *(_QUEUED.format(schema=s) for s in SCHEMAS)),
    }


def payment(row: Mapping[str, Any]) -> facts.Payment:
    """A row of `_PAYMENTS`, with what its rail can do."""
    plain = {name: value for name, value in row.items() if name not in _PRICE}
    return facts.Payment(
        **plain,
        price=_price(row),
        cancels_after_submit=rails()[row["rail"]].cancel_after_submit,
        depth=TRAFFIC[row["rail"]].depth,
        cap=TRAFFIC[row["rail"]].caps.get(row["currency"]),
    )


_PRICE = ("to_pay", "paid_in", "rate", "quoted")


def _price(row: Mapping[str, Any]) -> facts.Price | None:
    if row["paid_in"] is None:
        return None
    return facts.Price(
        minor=int(Decimal(row["to_pay"]).scaleb(facts.exponent(row["paid_in"]))),
        currency=row["paid_in"],
        quoted=row["quoted"],
        quoted_currency=row["currency"],
        rate=Decimal(row["rate"]),
    )


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """NUMERIC as whole numbers."""
    return {
        name: int(value) if isinstance(value, Decimal) else value for name, value in row.items()
    }


async def _read(http: httpx.AsyncClient, path: str, **params: int) -> dict[str, Any]:
    """What a twin answers; nothing where it has no such route, because it sends no webhooks."""
    reply = await http.get(path, params=params)
    if reply.status_code == NOT_FOUND:
        return {"entries": []}
    reply.raise_for_status()
    body: dict[str, Any] = reply.json()
    return body


def movement(entry: Mapping[str, Any]) -> facts.Movement:
    """An entry of the twins' book, in our minor units."""
    ids, refs = entry["provider_ids"], entry.get("caller_refs", {})
    book, currency = BOOKS[entry["provider"]], entry["currency"]
    fee_currency = ids.get("fee_currency") or currency
    return facts.Movement(
        seq=entry["seq"],
        provider=entry["provider"],
        kind=entry["kind"],
        operations=book.caused_by(entry["kind"]),
        is_incoming=entry["kind"] in book.incoming,
        amount=_minor(book, entry["amount"], currency),
        currency=currency,
        fee=_minor(book, entry["fee"], fee_currency),
        fee_currency=fee_currency,
        receipt=entry["receipt"],
        names=frozenset({entry["receipt"], *map(str, ids.values())}),
        attempt_id=_attempt_named(next(filter(None, map(refs.get, KEYS)), None))
        or attempt_in(entry.get("callback_url", "")),
        payment_id=refs.get("cift_payment"),
        is_public="caller_refs" not in entry,
        confirmations=entry.get("confirmations"),
    )


def _minor(book: TwinBook, text: str, currency: str) -> int:
    """An amount in the provider's own count, in our minor units."""
    amount = Decimal(text).scaleb(facts.exponent(currency) - book.places_of(currency))
    if amount != int(amount):
        raise ValueError(f"{text} {currency} at {book.provider} is no whole number of minor units")
    return int(amount)


def attempt_in(address: str) -> str | None:
    """The attempt that one of our callback addresses is for: its first sixteen bytes."""
    token = _TOKEN.search(address or "")
    return str(UUID(token.group(1)[:_ID_DIGITS])) if token else None


def _attempt_named(key: str | None) -> str | None:
    """The attempt of a key: its id, perhaps without hyphens and with digits after it."""
    if key is None or not _BARE_ID.fullmatch(key):
        return key
    return str(UUID(key[:_ID_DIGITS]))


def _delivered(callbacks: Iterable[Mapping[str, Any]]) -> Iterable[facts.Callback]:
    for callback in callbacks:
        attempt_id = attempt_in(callback["url"])
        if attempt_id is not None and callback["state"] == "delivered":
            yield facts.Callback(attempt_id=attempt_id, number=callback["id"])


def _taken(requests: Mapping[str, Any], traffic: RailTraffic) -> dict[str, dict[str, int]]:
    """How many requests the provider took, by a word for them and by our attempt."""
    found: dict[str, dict[str, int]] = {}
    for word, (operation, counter) in traffic.counters.items():
        taken = found.setdefault(word, {})
        for name, times in requests.get(operation, {}).get(counter, {}).items():
            attempt_id = attempt_in(name) or _attempt_named(name) or name
            taken[attempt_id] = taken.get(attempt_id, 0) + times
    return found


async def _events(bootstrap: str) -> list[facts.Event]:
    """Every message of the topic up to where it ends now; those of one payment in their order."""
    consumer = AIOKafkaConsumer(
        EVENTS_TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[facts.Event] = []
        while [place for place in ends if await consumer.position(place) < ends[place]]:
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            found += [event(record.value) for batch in batches.values() for record in batch]
        return found
    finally:
        await consumer.stop()


def event(body: bytes) -> facts.Event:
    """A message of the topic."""
    told = json.loads(body)
    return facts.Event(
        payment_id=told["payment_id"],
        event_id=told["event_id"],
        version=told["version"],
        status=told["payment"]["status"],
    )
