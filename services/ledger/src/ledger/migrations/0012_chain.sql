-- The hash chain over the journal, and the inputs that are no payment's.
--
-- Every transaction has a digest: SHA-256 over its canonical text. The chain is one link a
-- transaction, in the order of their numbers:
--
--     link 0 = SHA-256('cift.ledger.chain.v1')          the genesis
--     link n = SHA-256(link n-1 || digest n)
--
-- so a head depends on nothing but the sequence of transactions: never on when they were sealed,
-- nor on where blocks begin and end. A rebuilt ledger has the same head.

set local role cift_ledger_owner;

-- Inputs ---------------------------------------------------------------------------------------

-- What the books take in beside acceptances and results: conversions, holds and decisions of
-- operators, postings of a reconciliation. A kind names the function that applied the input, and
-- that applies it again when the books are rebuilt: ledger.<replayed_by>(p jsonb).
create table ledger.input_kind (
    kind        text primary key,
    replayed_by text not null
);

create table ledger.input (
    position   bigint primary key,  -- from ledger.log_position: its place among all inputs
    kind       text not null references ledger.input_kind,
    input      jsonb not null,      -- all that decides: names, amounts, times, who; no serial ids
    created_at timestamptz not null default now()
);

create trigger input_append_only
    before update or delete on ledger.input
    for each row execute function ledger.refuse_change();
create trigger input_no_truncate
    before truncate on ledger.input
    for each statement execute function ledger.refuse_change();

-- Keep an input and answer its position. To be called once the balances it touches are locked, and
-- before it posts: then the order of positions is the order in which balances changed.
create function ledger.take_input(p_kind text, p_input jsonb) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    place bigint := draw_position();
begin
    insert into input (position, kind, input) values (place, p_kind, p_input);
    return place;
end
$$;

-- Holds that ended by time, as their sweep found them: `hold_keys`, `at`.
create function ledger.end_expired(p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform take_input('holds_expired', p);
    perform end_hold(h.hold_id, 'expired', null, (p->>'at')::timestamptz)
    from jsonb_array_elements_text(p->'hold_keys') as due (hold_key)
    join hold h using (hold_key);
end
$$;

insert into ledger.input_kind (kind, replayed_by) values ('holds_expired', 'end_expired');

-- The next two take in the log again, in books that nobody else uses, each input at its old
-- position: `cift ledger rebuild`. They only go forward.

-- Results that stood at `p_position` and the positions after it.
create function ledger.replay_results(p_position bigint, p_results jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform begin_replay(p_position);
    perform apply_results(p_results);
    perform end_replay(p_position + jsonb_array_length(p_results) - 1);
end
$$;

-- Any one input.
create function ledger.replay_input(p_position bigint, p_kind text, p_input jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    replayed_by text;
begin
    perform begin_replay(p_position);
    if p_kind = 'accepted' and p_input->>'type' = 'refund' then
        perform accept_refund(p_input);
    elsif p_kind = 'accepted' then
        perform accept_payment(p_input);
    elsif p_kind = 'cancel_requested' then
        perform request_cancel(
            (p_input->>'payment_id')::uuid, p_input->>'merchant_id',
            (p_input->>'livemode')::boolean, (p_input->>'at')::timestamptz);
    elsif p_kind = 'result' then
        perform apply_aftermath(p_input, null);
    else
        select k.replayed_by into strict replayed_by from input_kind k where k.kind = p_kind;
        execute format('select ledger.%I($1)', replayed_by) using p_input;
    end if;
    perform end_replay(p_position);
end
$$;

create function ledger.begin_replay(p_position bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    if (select last_value >= p_position and is_called from log_position) then
        raise exception 'position % is behind the end of these books', p_position
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    perform setval('ledger.log_position', p_position, false);
end
$$;

-- What was taken in at a position once is taken in there again, or the log is not of these books.
create function ledger.end_replay(p_position bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    reached bigint;
begin
    select case when is_called then last_value else 0 end into reached from log_position;
    if reached <> p_position then
        raise exception 'up to position % the log was not taken in as before', p_position
            using errcode = 'data_corrupted';
    end if;
end
$$;

-- The chain ------------------------------------------------------------------------------------

-- Where the chain begins.
create function ledger.genesis() returns bytea
language sql immutable
return sha256('cift.ledger.chain.v1'::bytea);

-- Transactions, sealed. Blocks only say how far the chain has come; where they begin and end does
-- not touch the links.
create table ledger.block (
    block_id     bigint primary key check (block_id > 0),  -- 1, 2, 3, ...
    from_tx      bigint not null,
    to_tx        bigint not null unique,
    transactions integer not null check (transactions > 0),
    height       bigint not null,         -- transactions from the first one to the last of these
    tx_ids       bigint[] not null,
    digests      bytea not null,          -- 32 bytes a transaction, in the order of tx_ids
    prev_hash    bytea not null unique,   -- the link before the first of these
    hash         bytea not null unique,   -- the link after the last of these
    sealed_at    timestamptz not null default now(),
    constraint block_is_whole check (
        cardinality(tx_ids) = transactions and octet_length(digests) = 32 * transactions
        and tx_ids[1] = from_tx and tx_ids[transactions] = to_tx and height >= transactions)
);

alter table ledger.block alter column digests set storage external;  -- hashes don't compress

create trigger block_append_only
    before update or delete on ledger.block
    for each row execute function ledger.refuse_change();
create trigger block_no_truncate
    before truncate on ledger.block
    for each statement execute function ledger.refuse_change();

-- How far the chain has come; before the first block, the genesis.
create view ledger.head as
select coalesce(b.hash, ledger.genesis()) as hash, coalesce(b.height, 0) as transactions,
    b.to_tx as last_transaction_id, b.sealed_at, coalesce(b.block_id, 0) as block
from (values (1)) one
left join lateral (select * from ledger.block order by block_id desc limit 1) b on true;

-- The digests of up to `p_limit` transactions past `p_after` and up to `p_to`.
--
-- The canonical text of a transaction is a JSON array (RFC 8259: ", " between elements, no other
-- space; in strings only `"`, `\` and control characters escaped, as \b \f \n \r \t or \u00xx):
--
--     ["kind", "ref", "payment id" or null, "2026-03-01T12:00:00.000000Z",
--      [["tenant", "account code", "currency", "amount", "balance after", "version"], ...]]
--
-- the entries in the order of their seq, all numbers as text without leading zeros, the time in
-- UTC. Strings are quoted, so no two contents share a text. When a row was written is not part of
-- it. `sql/digests.sql` says the same to `cift ledger verify-chain`, which trusts no function here.
create function ledger.transaction_digests(p_after bigint, p_to bigint, p_limit integer)
returns table (tx_id bigint, digest bytea)
language sql stable
set search_path = ledger, pg_temp
as $$
    select tx.tx_id, sha256(convert_to(json_build_array(
        tx.kind, tx.ref, tx.payment_id,
        to_char(tx.effective_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        (select coalesce(json_agg(json_build_array(
             a.tenant, a.code, e.currency, e.amount::text, e.balance_after::text,
             e.account_version::text) order by e.seq), '[]')
         from entry e left join account a using (account_id)
         where e.tx_id = tx.tx_id))::text, 'UTF8'))
    from ledger_tx tx
    where tx.tx_id > p_after and tx.tx_id <= p_to
    order by tx.tx_id
    limit p_limit
$$;

-- A mark for `seal`: every transaction up to `last_tx` either has committed or was taken back once
-- no transaction older than `horizon` runs.
--
-- Why: a writer has a transaction id (it holds row locks) before it draws its position. The
-- position is read first here, the id taken second; so whoever drew a position up to the mark has
-- an older id than this one. The mark must not be kept across a restore: ids start anew.
create function ledger.seal_mark(out last_tx bigint, out horizon xid8)
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
begin
    select case when is_called then last_value * 8 + 7 else 0 end into last_tx from log_position;
    horizon := pg_current_xact_id();
end
$$;

-- Seal up to `p_limit` transactions as one block and publish the new head. Answers how many, 0
-- when all up to the mark are sealed, and null when it is too early (somebody older than the mark's
-- horizon still writes, or another process seals right now). `p_horizon` null: the caller knows
-- that nobody writes.
create function ledger.seal(p_last_tx bigint, p_horizon xid8, p_limit integer) returns integer
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
as $$
declare
    last block;
    new block;
    link bytea;
    digest bytea;
    digests bytea[];
begin
    if not pg_try_advisory_xact_lock(hashtextextended('ledger.seal', 0))
       or pg_snapshot_xmin(pg_current_snapshot()) < p_horizon then
        return null;
    end if;
    select * into last from block order by block_id desc limit 1;
    link := coalesce(last.hash, genesis());
    select array_agg(d.tx_id order by d.tx_id), array_agg(d.digest order by d.tx_id)
    into new.tx_ids, digests
    from transaction_digests(coalesce(last.to_tx, 0), p_last_tx, p_limit) d;
    if digests is null then
        return 0;
    end if;
    foreach digest in array digests loop
        link := sha256(link || digest);
    end loop;

    new.transactions := cardinality(digests);
    insert into block (
        block_id, from_tx, to_tx, transactions, height, tx_ids, digests, prev_hash, hash)
    select coalesce(last.block_id, 0) + 1, new.tx_ids[1], new.tx_ids[new.transactions],
        new.transactions, coalesce(last.height, 0) + new.transactions, new.tx_ids,
        string_agg(d.digest, '' order by d.place), coalesce(last.hash, genesis()), link
    from unnest(digests) with ordinality as d (digest, place)
    returning * into new;
    perform publish_head(new);
    return new.transactions;
end
$$;

-- Tell the world outside the database how far the chain has come: who rewrites the books can't
-- rewrite what others have.
create function ledger.publish_head(p_block ledger.block) returns void
language sql
set search_path = ledger, pg_temp
as $$
    insert into outbox (topic, key, headers, body)
    values ('ledger.heads', 'head',
        jsonb_build_object(
            'ce_specversion', '1.0',
            'ce_id', encode(p_block.hash, 'hex'),
            'ce_type', 'cift.ledger_head.v1',
            'ce_source', '/ledger',
            'ce_time', to_json(p_block.sealed_at) #>> '{}',
            'ce_subject', 'head',
            'content-type', 'application/json'),
        convert_to(json_build_object(
            'schema_version', 1,
            'kind', 'ledger_head',
            'hash', encode(p_block.hash, 'hex'),
            'transactions', p_block.height,
            'last_transaction_id', p_block.to_tx::text,
            'block', p_block.block_id,
            'sealed_at', p_block.sealed_at)::text, 'UTF8'))
$$;

-- Guards of what is older than this file ---------------------------------------------------------

-- What a payment was accepted with stays: an UPDATE that names one of these columns is refused.
-- Its amounts stay, too, until people settle it otherwise: see 0016.
create trigger payment_terms_are_fixed
    before update of payment_id, merchant_id, livemode, customer_id, type, method, currency,
        pricing, parent_payment_id, command, created_at,
        customer_account_id, provider_account_id, fees_account_id, merchant_account_id
    on ledger.payment
    for each row execute function ledger.refuse_change();
create trigger payment_no_truncate
    before truncate on ledger.payment
    for each statement execute function ledger.refuse_change();

create trigger account_never_changed
    before update on ledger.account
    for each row execute function ledger.refuse_change();
create trigger account_no_truncate
    before truncate on ledger.account
    for each statement execute function ledger.refuse_change();

create trigger balance_terms_are_fixed
    before update of account_id, currency, normal, house, floor on ledger.balance
    for each row execute function ledger.refuse_change();
create trigger balance_no_truncate
    before truncate on ledger.balance
    for each statement execute function ledger.refuse_change();

-- Rights ---------------------------------------------------------------------------------------

grant select on ledger.input_kind, ledger.input, ledger.block, ledger.head to cift_ledger;
grant select on ledger.head to cift_gateway;
grant execute on function ledger.genesis() to cift_ledger, cift_gateway;
grant execute on function ledger.seal_mark(), ledger.seal(bigint, xid8, integer) to cift_ledger;

reset role;
