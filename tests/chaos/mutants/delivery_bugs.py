"""Bugs between client, tables and broker."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import GATEWAY, LEDGER, SHARED, Edit

ATTEMPTS = f"{SHARED}/attempts"
FUNCTIONS = f"{LEDGER}/functions"

_NO_SWEEPER = Edit(
    f"{FUNCTIONS}/sweep/sweep.sql",
    "where p.swept_at is null\n",
    "where p.swept_at is null and false\n",
)
MUTANTS = (
    Mutant(
        "key-scope",
        "an idempotency key counts for every merchant, not for its own",
        "same_key_of_two_merchants",
        ("one_key_is_one_payment",),
        (
            Edit(
                f"{GATEWAY}/idempotency/sql/accept.sql",
                "where known.merchant_id = latch.merchant_id and known.livemode",
                "where known.livemode",
            ),
            Edit(
                f"{GATEWAY}/idempotency/sql/stored_reply.sql",
                "where merchant_id = $1 and",
                "where $1::text is not null and",
            ),
        ),
    ),
    Mutant(
        "key-forgotten",
        "a used idempotency key is not recognised",
        "same_key_again",
        ("one_key_is_one_payment", "no_more_than_asked"),
        (
            Edit(
                f"{GATEWAY}/idempotency/sql/accept.sql",
                "select merchant_id, livemode, route, key_digest, request_digest,\n",
                "select merchant_id, livemode, route, resource_id::text, request_digest,\n",
            ),
        ),
    ),
    Mutant(
        "refusal-forgotten",
        "a refusal is not stored under its idempotency key",
        "refused_and_then_funded",
        ("refused_keys_stay_refused",),
        (
            Edit(
                f"{GATEWAY}/idempotency/sql/accept.sql",
                "select merchant_id, livemode, route, key_digest, request_digest,\n",
                "select merchant_id, livemode, route,\n"
                "           case when refusal is null then key_digest else resource_id::text end,\n"
                "           request_digest,\n",
            ),
        ),
    ),
    Mutant(
        "attempt-not-unique",
        "a command that comes twice makes two attempts",
        "command_twice",
        ("one_effect_a_command", "one_request_taken"),
        (
            Edit(f"{ATTEMPTS}/attempt_tables_1.sql", "    unique (payment_id, number),\n", ""),
            Edit(
                f"{ATTEMPTS}/queries.py",
                "    on conflict do nothing\nreturning payment_id\n",
                "returning payment_id\n",
            ),
            Edit(
                f"{ATTEMPTS}/store.py",
                'uuid5(payment_id, f"attempt-{number}")',
                'UUID(bytes=__import__("os").urandom(16))',
            ),
        ),
    ),
    Mutant(
        "commit-before-store",
        "the offset moves before the batch is stored",
        "ledger_dies_before_its_offset",
        ("results_have_arrived",),
        (
            Edit(
                f"{SHARED}/kafka/subscriber.py",
                "                if not await self._handle(records):\n",
                "                await consumer.commit({place: batch[-1].offset + 1"
                " for place, batch in fetched.items()})\n"
                '                failpoint("subscriber.before_commit")\n'
                "                if not await self._handle(records):\n",
            ),
        ),
    ),
    Mutant(
        "outbox-apart",
        "the command is queued after the commit, and nobody sweeps",
        "gateway_dies_after_commit",
        ("open_payments_are_worked_on",),
        (
            Edit(
                f"{GATEWAY}/idempotency/sql/accept.sql",
                "where topic is not null and refusal is null",
                "where topic <> topic",
            ),
            Edit(
                f"{GATEWAY}/idempotency/store.py",
                '        failpoint("gateway.after_commit")\n',
                '        failpoint("gateway.after_commit")\n'
                "        for one in group:\n"
                "            await self._pool.execute(\n"
                '                "insert into gateway.outbox (topic, key, headers, body) values"\n'
                '                " ($1, $2, $3, $4)", *outbox_row(one.acceptance.message))\n',
            ),
            _NO_SWEEPER,
        ),
    ),
    Mutant(
        "delete-before-publish",
        "messages leave the outbox before the broker has them",
        "ledger_relay_dies",
        ("every_change_is_told",),
        (
            Edit(
                f"{SHARED}/messaging/outbox.py",
                "        flags = await self._publish(\n",
                '        await self._delete(connection, [row["id"] for row in rows])\n'
                '        failpoint("relay.after_publish")\n'
                "        flags = await self._publish(\n",
            ),
        ),
    ),
    Mutant(
        "lease-not-fenced",
        "a relay whose lease another has taken goes on as if it led",
        "leader_hangs",
        ("one_process_leads",),
        (
            Edit(
                f"{SHARED}/messaging/outbox_queries.py",
                "     where name = $1 and holder = $2 and epoch = $3\n       and ends_at <",
                "     where name = $1 and $2::text > '' and $3::bigint > 0\n       and ends_at <",
            ),
            Edit(
                f"{SHARED}/messaging/outbox_queries.py",
                "where name = $1 and holder = $2 and epoch = $3 and not exists",
                "where name = $1 and not exists",
            ),
            Edit(
                f"{SHARED}/messaging/outbox_queries.py",
                "where name = $1 and holder = $2 and epoch = $3\n), gone",
                "where name = $1 and $2::text > '' and $3::bigint > 0\n), gone",
            ),
        ),
    ),
    Mutant(
        "webhook-not-kept",
        "a webhook is answered with 200 and not stored",
        "plain_deposit",
        ("webhooks_have_arrived",),
        (
            Edit(
                f"{GATEWAY}/webhooks/repository.py",
                'failpoint("gateway.before_notice")',
                "return [True for _ in group]",
            ),
        ),
    ),
    Mutant(
        "only-ends-told",
        "events tell of completions only",
        "plain_deposit",
        ("every_change_is_told",),
        (
            Edit(
                f"{FUNCTIONS}/posting/announce.sql",
                "    where v.changed\n      and p.payment_id = any",
                "    where v.changed and v.to_status = 'completed'\n      and p.payment_id = any",
            ),
        ),
    ),
    Mutant(
        "stale-reads",
        "every third read of a payment shows how it was first",
        "plain_deposit",
        ("reads_never_go_back",),
        (
            Edit(
                f"{GATEWAY}/payments/repository.py",
                '        """Read one payment."""\n',
                '        """Read one payment."""\n'
                '        seen = self.__dict__.setdefault("seen", {}).setdefault(payment_id, [])\n'
                "        seen.append(await self._fresh(caller, payment_id))\n"
                "        return seen[0] if len(seen) % 3 == 0 else seen[-1]\n\n"
                "    async def _fresh(self, caller: Caller, payment_id: UUID) -> Row | None:\n",
            ),
        ),
    ),
)
