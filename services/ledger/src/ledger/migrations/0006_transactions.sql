-- The journal: transactions and their entries, append-only; and the log, one order for everything
-- the books ever took in.

set local role cift_ledger_owner;

-- Every input (a result, an acceptance, an order of an operator, ...) draws one number, after it
-- has locked the balances it touches. So the order of the numbers is the order in which any balance
-- that two inputs share has changed. A number whose transaction was taken back is missing.
create sequence ledger.log_position as bigint;

create function ledger.draw_position() returns bigint
language sql volatile
return nextval('ledger.log_position');

create table ledger.ledger_tx (
    -- the position of its input in the log times 8, plus its place among the input's transactions
    tx_id        bigint primary key,
    kind         text not null check (kind in (
        'settlement', 'suspense', 'provider_fee', 'reversal', 'dispute_withdrawn', 'dispute_fee',
        'dispute_reinstated', 'dispute_lost', 'conversion', 'resolution', 'correction',
        'hold_capture', 'reconciliation')),
    ref          text not null,           -- what it is for: of one kind, one posting for one thing
    payment_id   uuid,                    -- no foreign key: see 0004
    effective_at timestamptz not null,    -- when the provider's answer was learned
    created_at   timestamptz not null,    -- when it was booked, as its entries say
    unique (kind, ref)
);

create index ledger_tx_by_payment on ledger.ledger_tx (payment_id);

-- Each entry carries the balance it left behind and its number in the account: balances as of any
-- moment are one look-up, and a lost, doubled or edited entry breaks a visible chain.
create table ledger.entry (
    tx_id           bigint not null,      -- no foreign key: see ledger.check_transactions
    seq             smallint not null check (seq between 0 and 15),
    account_id      bigint not null,      -- no foreign key: see ledger.check_entries
    amount          numeric(38, 0) not null check (amount <> 0),
    currency        text not null,
    balance_after   numeric(38, 0) not null,
    account_version bigint not null check (account_version > 0),
    created_at      timestamptz not null, -- when it was booked
    -- one number for an entry, in the order of the log
    entry_id        bigint generated always as (tx_id * 16 + seq) stored,
    primary key (tx_id, seq),
    unique (account_id, account_version)
);

create trigger ledger_tx_append_only
    before update or delete on ledger.ledger_tx
    for each row execute function ledger.refuse_change();
create trigger ledger_tx_no_truncate
    before truncate on ledger.ledger_tx
    for each statement execute function ledger.refuse_change();
create trigger entry_append_only
    before update or delete on ledger.entry
    for each row execute function ledger.refuse_change();
create trigger entry_no_truncate
    before truncate on ledger.entry
    for each statement execute function ledger.refuse_change();

-- The posting functions balance by construction; this is the second lock. All entries of a
-- transaction come in one statement, so one look at the statement's rows is enough: whatever is
-- added to the journal sums to zero in itself, in each transaction and currency, and is in the
-- currency of its accounts. Checked once a statement it costs a tenth of a check of every row.
create function ledger.check_entries() returns trigger
language plpgsql
as $$
declare
    crooked bigint;
    stray bigint;
begin
    select tx_id into crooked
    from added group by tx_id, currency having sum(amount) <> 0 limit 1;
    if found then
        raise exception 'transaction % does not balance', crooked using errcode = 'check_violation';
    end if;
    select used.account_id into stray
    from (select distinct account_id, currency from added) used
    left join ledger.account a
        on a.account_id = used.account_id and a.currency = used.currency
        and a.account_id = any (array(select account_id from added))
    where a.account_id is null
    limit 1;
    if found then
        raise exception 'account % does not keep that currency', stray
            using errcode = 'foreign_key_violation';
    end if;
    return null;
end
$$;

create trigger entry_balanced
    after insert on ledger.entry
    referencing new table as added
    for each statement execute function ledger.check_entries();

-- A transaction is written after its entries, and has two at least.
create function ledger.check_transactions() returns trigger
language plpgsql
as $$
declare
    hollow bigint;
begin
    select tx_id into hollow
    from added
    where (select count(*) from ledger.entry e where e.tx_id = added.tx_id) < 2
    limit 1;
    if found then
        raise exception 'transaction % does not balance: its entries are missing', hollow
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;

create trigger ledger_tx_balanced
    after insert on ledger.ledger_tx
    referencing new table as added
    for each statement execute function ledger.check_transactions();

-- One line of a transaction: debit is positive, credit is negative.
create type ledger.leg as (
    account_id bigint,
    amount     numeric
);

-- A leg with its place in the journal.
create type ledger.posting_line as (
    tx_id      bigint,
    seq        smallint,
    account_id bigint,
    amount     numeric
);

-- Lock balances in the one order of all writers: customers first, ours last, for everybody waits
-- for those. Call it once for all accounts of an input, as late as possible.
create function ledger.lock_balances(p_accounts bigint[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform 1
    from balance
    where account_id = any (p_accounts)
    order by house, account_id
    for no key update;
end
$$;

-- Write entries and bring their balances, which the caller has locked, up to them. `p_booked_at`
-- was read from the clock under those locks: so it never runs backwards along an account.
create function ledger.write_entries(
    p_lines ledger.posting_line[], p_booked_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    touched bigint;
begin
    insert into entry (
        tx_id, seq, account_id, amount, currency, balance_after, account_version, created_at)
    select line.tx_id, line.seq, line.account_id, line.amount, b.currency,
        b.posted + sum(line.amount) over account_so_far,
        b.version + row_number() over account_so_far,
        p_booked_at
    from unnest(p_lines) line
    join balance b on b.account_id = line.account_id
    where b.account_id = any (array(select account_id from unnest(p_lines)))
    window account_so_far as (
        partition by line.account_id order by line.tx_id, line.seq rows unbounded preceding)
    order by line.tx_id, line.seq;
    -- a set-wise statement drops rows without a word; compare
    get diagnostics touched = row_count;
    if touched <> cardinality(p_lines) then
        raise exception '% entries to write, % written', cardinality(p_lines), touched
            using errcode = 'data_corrupted';
    end if;

    update balance b
    set posted = b.posted + total.amount, version = b.version + total.entries
    from (
        select account_id, sum(amount) as amount, count(*) as entries
        from unnest(p_lines) group by account_id
    ) total
    where b.account_id = total.account_id
      and b.account_id = any (array(select account_id from unnest(p_lines)));
end
$$;

-- Write one transaction and answer its tx_id. `p_k` counts the transactions of the input at
-- `p_position` from 0. The caller has locked the balances. Legs of zero are dropped. Raises
-- check_violation when the legs don't balance, unique_violation when (kind, ref) was posted before.
create function ledger.write_transaction(
    p_position bigint, p_k integer, p_kind text, p_ref text, p_payment_id uuid,
    p_effective_at timestamptz, p_legs ledger.leg[]
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    new_tx_id bigint := p_position * 8 + p_k;
    booked_at timestamptz := clock_timestamp();
begin
    if p_k not between 0 and 7 then
        raise exception 'an input has eight transactions at most'
            using errcode = 'invalid_parameter_value';
    end if;
    perform write_entries(array(
        select row(new_tx_id, n, account_id, amount)::posting_line
        from unnest(p_legs) with ordinality as leg (account_id, amount, n)
        where amount <> 0
        order by n), booked_at);
    insert into ledger_tx (tx_id, kind, ref, payment_id, effective_at, created_at)
    values (new_tx_id, p_kind, p_ref, p_payment_id, p_effective_at, booked_at);
    return new_tx_id;
end
$$;

reset role;
