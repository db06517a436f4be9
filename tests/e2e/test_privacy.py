"""After a run no personal data stands in clear anywhere: not in a log, a topic, a table, a trace.

Business rule: personal data is sealed where it rests or travels and masked where it is shown; only
the provider's own servers (here: its twin) ever see a phone number or an e-mail address.
"""

import base64
import json
import re
from pathlib import Path
from urllib.request import urlopen

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer

from cift_local.customer import Merchant
from cift_local.scenario import play
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_shared.messaging.topics import all_topics
from tests.support.postgres import throw_away_folder
from wallet_keys import envelope, seed_file
from wallet_keys.account import BitcoinAccount, words_of
from wallet_keys.envelope import Passphrase
from wallet_keys.ethereum_account import EthereumAccount

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(180)]

NUMBERS = re.compile(
    rb"708374149|700000032|711000001|722000000|754123456|754000001"
    rb"|772000(?:777|451|457)|788000(?:777|451|457)|pays@example\.com"
)
"""National parts of every phone, and the payer's address at PayPal: nowhere, in any spelling."""


async def test_nothing_personal_in_clear(monkeypatch: pytest.MonkeyPatch, own_broker) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", own_broker.bootstrap)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with throw_away_folder("privacy") as folder:
        async with running_stack(Options(folder, speed=40, prefer_ports=False)) as stack:
            key = await open_api(stack, "m_privacy")
            async with Merchant(stack.url("gateway"), key) as merchant:
                steps = [step async for step in play(merchant, "cus_privacy")]
            assert all(step.good for step in steps), steps
            tables = await table_dump(stack)
            topics = await topic_dump(stack)
            metrics = metrics_dump(stack)
            secrets = wallet_secrets(stack)
        files = {path: path.read_bytes() for path in visible_files(folder)}

    assert len(tables) > 10_000
    assert len(topics) > 10_000
    assert {path.name for path in files} > {
        "gateway.log",
        "ledger.log",
        "mpesa-worker.log",
        "paypal-worker.log",
        "crypto-watcher.log",
        "crypto-signer.log",
    }
    assert any(path.suffix == ".jsonl" and text for path, text in files.items())
    assert not NUMBERS.findall(tables)
    assert not NUMBERS.findall(topics)
    assert not NUMBERS.findall(metrics)
    for path, text in files.items():
        assert not NUMBERS.findall(text), path
    for where in (tables, topics, metrics, *files.values()):
        assert not [secret for secret in secrets if secret in where]
    replies = json.dumps([step.payment for step in steps]).encode()
    assert not NUMBERS.findall(replies)
    assert b"2547****149" in replies
    check_that_a_trace_survives_the_outbox(files)


def wallet_secrets(stack: Stack) -> list[bytes]:
    """The seed of the wallet, and the keys that may have signed, in the forms that text has."""
    content = envelope.read(Path(stack.env["CRYPTO_WALLET_FILE"]))
    passphrase = stack.env["CRYPTO_WALLET_PASSPHRASE"]
    seed = seed_file.unseal(content, Passphrase(passphrase), "regtest")
    account = BitcoinAccount(seed)
    keys = [account.key(chain, index)[0] for chain in (0, 1) for index in range(10)]
    keys.append(EthereumAccount(seed).hot_key())
    raw = [bytes(seed.entropy), *keys]
    texts = [one.hex().encode() for one in raw] + [base64.b64encode(one) for one in raw]
    return [*raw, *texts, words_of(seed).encode(), passphrase.encode(), b"tprv", b"xprv"]


def visible_files(folder: Path) -> list[Path]:
    """Logs and traces of our own services; the twin plays the provider and may know numbers."""
    found = [*folder.glob("logs/*.log"), *folder.glob("traces/*.jsonl")]
    return [path for path in found if not path.name.startswith("provider-sandbox")]


async def table_dump(stack: Stack) -> bytes:
    """Every row of every table of ours, as text."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        names = await connection.fetch(
            "select format('%I.%I', table_schema, table_name) as name "
            "from information_schema.tables where table_type = 'BASE TABLE' "
            "and table_schema in ('ledger', 'gateway', 'mpesa', 'mpesa_tz', 'momo_ug', 'momo_rw', "
            "'card', 'paypal', 'bitcoin', 'bitcoin_signer', 'ethereum', 'ethereum_signer', "
            "'public')"
        )
        rows = []
        for name in names:
            rows += await connection.fetch(f"select t::text as row from {name['name']} t")
    finally:
        await connection.close()
    return "\n".join(row["row"] for row in rows).encode()


async def topic_dump(stack: Stack) -> bytes:
    """Every key, header and body of every topic."""
    names = [topic.name for topic in all_topics()]
    consumer = AIOKafkaConsumer(
        *names, bootstrap_servers=stack.kafka_bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    parts: list[bytes] = []
    try:
        # Workers report about their rails for ever, so the end is where the topics end now.
        ends = await consumer.end_offsets(consumer.assignment())
        while [one for one, end in ends.items() if await consumer.position(one) < end]:
            batches = await consumer.getmany(timeout_ms=3000)
            for record in (record for batch in batches.values() for record in batch):
                parts += [record.key or b"", record.value or b"", repr(record.headers).encode()]
    finally:
        await consumer.stop()
    return b"\n".join(parts)


def metrics_dump(stack: Stack) -> bytes:
    parts = []
    workers = ("mpesa-worker", "paypal-worker", "crypto-watcher")
    addresses = [stack.ops_url(name) for name in ("gateway", "ledger", *workers)]
    for address in (*addresses, stack.url("crypto-signer")):
        with urlopen(address + "/metrics") as reply:
            parts.append(reply.read())
    return b"\n".join(parts)


def check_that_a_trace_survives_the_outbox(files: dict[Path, bytes]) -> None:
    """One trace runs from the request through the outbox into the worker."""
    traces = {
        path.stem: {json.loads(line)["context"]["trace_id"] for line in text.splitlines()}
        for path, text in files.items()
        if path.suffix == ".jsonl"
    }
    assert traces["gateway"] & traces["mpesa-worker"]
