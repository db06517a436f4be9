-- Reconciliation: what the providers' statements say against our books.
--
-- The rules are in ledger.reconciliation (pure); here are its memory and its postings. A difference
-- is never edited away: the provider's account is brought to what the provider says, against
-- suspense, and the discrepancy keeps an owner and an age until it is explained or closed.

set local role cift_ledger_owner;

create table ledger.recon_run (
    run_id      bigint generated always as identity primary key,
    method      text not null,
    livemode    boolean not null,
    currency    text not null references ledger.currency,
    since       timestamptz not null,
    until       timestamptz not null,
    tolerance   interval not null,   -- what stood alone so near to `until` was left to the next run
    opening     numeric(38, 0),      -- the statement's own balances, where it tells them
    closing     numeric(38, 0),
    digest      text not null,       -- SHA-256 of the statement
    counts      jsonb not null,      -- groups by verdict
    operator    text not null,
    at          timestamptz not null,
    created_at  timestamptz not null default now(),
    constraint recon_run_has_a_length check (since < until)
);

create index recon_run_by_time on ledger.recon_run (method, livemode, currency, until);

-- Lines of statements, without anything personal. A line that comes again is the same line.
create table ledger.provider_line (
    line_id     bigint generated always as identity primary key,
    method      text not null,
    livemode    boolean not null,
    external_id text not null,
    kind        text not null,
    at          timestamptz not null,
    gross       numeric(38, 0) not null,
    fee         numeric(38, 0) not null,
    net         numeric(38, 0) not null generated always as (gross - fee) stored,
    currency    text not null references ledger.currency,
    refers_to   text[] not null,
    hints       text[] not null,
    run_id      bigint not null references ledger.recon_run,
    unique (external_id, method, livemode)
);

create index provider_line_by_time on ledger.provider_line (method, livemode, currency, at);
create index provider_line_by_reference on ledger.provider_line using gin (refers_to);

create trigger recon_run_append_only
    before update or delete on ledger.recon_run
    for each row execute function ledger.refuse_change();
create trigger recon_run_no_truncate
    before truncate on ledger.recon_run
    for each statement execute function ledger.refuse_change();
create trigger provider_line_append_only
    before update or delete on ledger.provider_line
    for each row execute function ledger.refuse_change();
create trigger provider_line_no_truncate
    before truncate on ledger.provider_line
    for each statement execute function ledger.refuse_change();

-- Which lines and which items of ours belong together: `name` is the group's, many to many. Written
-- anew by each run that judges them.
create table ledger.recon_match (
    method   text not null,
    livemode boolean not null,
    currency text not null,
    side     text not null check (side in ('theirs', 'ours')),
    member   text not null,  -- a line's external id, an item's id
    name     text not null,
    run_id   bigint not null references ledger.recon_run,
    -- the telling column first, here and below: then no plan goes through all of a method
    primary key (member, side, method, livemode, currency)
);

create index recon_match_by_name on ledger.recon_match (name, method);

create table ledger.discrepancy (
    discrepancy_id bigint generated always as identity primary key,
    method         text not null,
    livemode       boolean not null,
    currency       text not null references ledger.currency,
    name           text not null,   -- the group's, or the payment's id
    kind           text not null check (
        kind in ('amount_mismatch', 'missing_here', 'missing_there', 'unclaimed')),
    -- what our books lacked (positive) or had too much (negative) at the provider
    difference     numeric(38, 0) not null,
    booked         numeric(38, 0) not null default 0,  -- so much of it has been posted
    in_suspense    numeric(38, 0) not null default 0,  -- what suspense holds of it, debit positive
    owner          text not null,
    state          text not null default 'open' check (state in ('open', 'explained', 'closed')),
    note           text,
    payment_id     uuid,
    position       bigint,          -- of the last posting about it
    opened_at      timestamptz not null,
    changed_at     timestamptz not null,
    constraint discrepancy_closed_leaves_nothing check (state <> 'closed' or in_suspense = 0)
);

create index discrepancy_by_name on ledger.discrepancy (name, method);

create trigger discrepancy_never_deleted
    before delete on ledger.discrepancy
    for each row execute function ledger.refuse_change();
create trigger discrepancy_no_truncate
    before truncate on ledger.discrepancy
    for each statement execute function ledger.refuse_change();

-- What became of each, by whom: append-only.
create table ledger.discrepancy_event (
    event_id       bigint generated always as identity primary key,
    discrepancy_id bigint not null references ledger.discrepancy,
    action         text not null,
    operator       text not null,
    note           text,
    position       bigint,
    at             timestamptz not null
);

create trigger discrepancy_event_append_only
    before update or delete on ledger.discrepancy_event
    for each row execute function ledger.refuse_change();
create trigger discrepancy_event_no_truncate
    before truncate on ledger.discrepancy_event
    for each statement execute function ledger.refuse_change();

-- What our books say each payment moved at its provider, postings of reconciliations apart. Money
-- that went back later is an item of its own.
create view ledger.provider_item as
select split_part(a.code, ':', 2) as method, a.tenant, a.currency, item_id,
    min(tx.effective_at) as at,
    sum(e.amount) filter (where not is_fee) as gross,
    -sum(e.amount) filter (where is_fee) as fee,
    min(tx.payment_id::text)::uuid as payment_id,
    bool_and(family = '') as is_first
from ledger.entry e
join ledger.account a on a.account_id = e.account_id and a.kind = 'provider'
join ledger.ledger_tx tx on tx.tx_id = e.tx_id
cross join lateral (
    select tx.kind in ('provider_fee', 'dispute_fee') as is_fee,
        case when tx.kind = 'reversal' then ':reversal'
             when tx.kind like 'dispute_%' then ':dispute:' || tx.ref
             else '' end as family
) sorted
cross join lateral (
    select coalesce(tx.payment_id || family, 'transaction ' || tx.tx_id) as item_id
) named
where tx.kind <> 'reconciliation'
group by split_part(a.code, ':', 2), a.tenant, a.currency, item_id;

-- Postings -------------------------------------------------------------------------------------

insert into ledger.input_kind (kind, replayed_by) values
    ('reconciliation', 'book_reconciliation'),
    ('write_off', 'book_write_off');

-- Bring the provider's account nearer to what the provider says. `p`: method, livemode, currency,
-- amount (minor units as text, what our books lack), against (`suspense`, `adjustments`,
-- `provider-costs` or `losses`), ref, operator, reason, at. Answers the position.
create function ledger.book_reconciliation(p jsonb) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    rail text := ':' || (p->>'method') || ':' || (p->>'currency');
    house text := house_tenant((p->>'livemode')::boolean);
    other bigint := open_account(house, (p->>'against') || rail);
    provider bigint := open_account(house, 'provider' || rail);
    place bigint;
begin
    perform lock_balances(array[provider, other]);
    place := take_input('reconciliation', p);
    perform write_transaction(place, 0, 'reconciliation', p->>'ref', null, (p->>'at')::timestamptz,
        array[row(provider, (p->>'amount')::numeric)::leg,
              row(other, -(p->>'amount')::numeric)::leg]);
    return place;
end
$$;

-- Take out of suspense what people have given up on. `p`: as above, with the name of the group instead
-- of ref; amount is what suspense holds, debit positive. Answers the position.
create function ledger.book_write_off(p jsonb) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    rail text := ':' || (p->>'method') || ':' || (p->>'currency');
    house text := house_tenant((p->>'livemode')::boolean);
    other bigint := open_account(house, (p->>'against') || rail);
    suspense bigint := open_account(house, 'suspense' || rail);
    place bigint;
begin
    perform lock_balances(array[suspense, other]);
    place := take_input('write_off', p);
    perform write_transaction(place, 0, 'resolution',
        'write-off:' || (p->>'method') || ':' || (p->>'name') || '#' || place, null,
        (p->>'at')::timestamptz,
        array[row(suspense, -(p->>'amount')::numeric)::leg,
              row(other, (p->>'amount')::numeric)::leg]);
    return place;
end
$$;

-- Discrepancies --------------------------------------------------------------------------------

create function ledger.note_discrepancy(
    p_id bigint, p_action text, p jsonb, p_position bigint default null
) returns void
language sql volatile
set search_path = ledger, pg_temp
as $$
    insert into discrepancy_event (discrepancy_id, action, operator, note, position, at)
    values (p_id, p_action, p->>'operator', p->>'reason', p_position, (p->>'at')::timestamptz)
$$;

-- Money in suspense whose payment has been resolved as failed: somebody owns it from now on.
create function ledger.own_suspense(
    p_payment ledger.payment, p_suspended ledger.suspended, p jsonb
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    new_id bigint;
begin
    if exists (select from discrepancy
               where payment_id = p_payment.payment_id and kind = 'unclaimed') then
        return;  -- it was resolved before, and has its owner since
    end if;
    insert into discrepancy (
        method, livemode, currency, name, kind, difference, in_suspense, owner, note, payment_id,
        opened_at, changed_at)
    values (
        p_payment.method, p_payment.livemode, p_suspended.currency, p_payment.payment_id::text,
        'unclaimed', 0, p_suspended.amount, p->>'operator', p->>'reason', p_payment.payment_id,
        (p->>'at')::timestamptz, (p->>'at')::timestamptz)
    returning discrepancy_id into new_id;
    perform note_discrepancy(new_id, 'opened', p);
end
$$;

-- A payment that was resolved as failed before is completed after all: its money is no longer open.
create function ledger.claim_suspense(p_payment_id uuid, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    claimed bigint;
begin
    update discrepancy
    set state = 'closed', in_suspense = 0, note = p->>'reason', changed_at = (p->>'at')::timestamptz
    where payment_id = p_payment_id and kind = 'unclaimed' and state <> 'closed'
    returning discrepancy_id into claimed;
    if found then
        perform note_discrepancy(claimed, 'closed', p);
    end if;
end
$$;

-- A write-off was corrected: what it took out is in suspense again, and open.
create function ledger.reopen_discrepancy(p_tx_id bigint, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    reopened bigint;
begin
    update discrepancy d
    set state = 'open', in_suspense = d.in_suspense - e.amount,
        changed_at = (p->>'at')::timestamptz
    from entry e
    join account a on a.account_id = e.account_id and a.kind = 'suspense'
    join ledger_tx tx on tx.tx_id = e.tx_id and tx.kind = 'resolution' and tx.payment_id is null
    where e.tx_id = p_tx_id and d.position = p_tx_id / 8
    returning d.discrepancy_id into reopened;
    if found then
        perform note_discrepancy(reopened, 'reopened', p);
    end if;
end
$$;

create type ledger.posted_about as (booked numeric, in_suspense numeric);

-- What a run found out about one group: names (the first is its own), kind (null: it agrees),
-- difference. Books what is to be booked, and opens, changes or closes its discrepancy.
create function ledger.record_group(p_group jsonb, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    wanted numeric := (p_group->>'difference')::numeric;
    names text[] := array(select jsonb_array_elements_text(p_group->'names'));
    target discrepancy;
    done posted_about;
    change numeric;
    place bigint;
begin
    perform 1 from discrepancy
    where discrepancy_id in (select discrepancy_id from discrepancies_of(p, names))
    order by discrepancy_id for no key update;
    update discrepancy set name = names[1]
    where discrepancy_id in (select discrepancy_id from discrepancies_of(p, names))
      and name <> names[1];
    done := posted_about(p, names);
    -- what our books have too much is left alone until people decide
    change := case when p_group->>'kind' = 'missing_there' then 0 else wanted - done.booked end;
    select * into target from discrepancies_of(p, names)
    order by state = 'closed', discrepancy_id limit 1;
    if change = 0 and wanted = done.booked
       and (target.state = 'closed' or (target.state is null and done.in_suspense = 0)) then
        return;  -- it agrees, or people have settled it
    end if;
    if target.state is null or target.state = 'closed' then
        target := open_difference(p_group, p);
    end if;
    if change <> 0 then
        place := book_reconciliation(jsonb_build_object(
            'method', p->'method', 'livemode', p->'livemode', 'currency', p->'currency',
            'amount', change::text, 'against', 'suspense', 'name', names[1],
            'ref', next_reference(p, names[1]),
            'operator', p->'operator', 'reason', p->'reason', 'at', p->'at'));
        perform note_discrepancy(target.discrepancy_id, 'booked', p, place);
    end if;
    perform merge_discrepancies(target.discrepancy_id, p, names);
    update discrepancy
    set kind = coalesce(p_group->>'kind', kind), difference = wanted,
        booked = done.booked + change, in_suspense = done.in_suspense - change,
        position = coalesce(place, position),
        changed_at = case when change <> 0 or difference <> wanted
                          then (p->>'at')::timestamptz else changed_at end
    where discrepancy_id = target.discrepancy_id;
    perform close_agreed(target.discrepancy_id, p);
end
$$;

-- The discrepancies that a group has had under any of its names.
create function ledger.discrepancies_of(p jsonb, p_names text[]) returns setof ledger.discrepancy
language sql stable
set search_path = ledger, pg_temp
as $$
    select * from discrepancy
    where method = p->>'method' and livemode = (p->>'livemode')::boolean
      and currency = p->>'currency' and name = any (p_names) and kind <> 'unclaimed'
$$;

-- What the journal says was posted about a group under any of its names: at the provider, and what
-- suspense has of it. The journal and not the discrepancies: in rebuilt books these begin anew, and
-- nothing may be posted twice.
create function ledger.posted_about(p jsonb, p_names text[]) returns ledger.posted_about
language sql stable
set search_path = ledger, pg_temp
as $$
    with about as (
        select tx.tx_id
        from ledger_tx tx
        where tx.kind = 'reconciliation' and regexp_replace(tx.ref, '#\d+$', '') = any (array(
            select (p->>'method') || ':' || name from unnest(p_names) name))
        union all
        select tx.tx_id
        from ledger_tx tx
        where tx.kind = 'resolution' and regexp_replace(tx.ref, '#\d+$', '') = any (array(
            select 'write-off:' || (p->>'method') || ':' || name from unnest(p_names) name))
    ),
    with_corrections as (
        select tx_id from about
        union all
        select tx.tx_id from ledger_tx tx join about on tx.kind = 'correction' and tx.ref = about.tx_id::text
    )
    select row(
        coalesce(sum(e.amount) filter (where a.kind = 'provider'), 0),
        coalesce(sum(e.amount) filter (where a.kind = 'suspense'), 0))::posted_about
    from with_corrections
    join entry e using (tx_id)
    join account a using (account_id)
    where a.currency = p->>'currency' and a.tenant = house_tenant((p->>'livemode')::boolean)
$$;

-- `<method>:<name>` for the first posting about a group, then `<method>:<name>#2` and so on.
create function ledger.next_reference(p jsonb, p_name text) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select base || case when count(tx.tx_id) = 0 then '' else '#' || count(tx.tx_id) + 1 end
    from (values ((p->>'method') || ':' || p_name)) as name (base)
    left join ledger_tx tx
        on tx.kind = 'reconciliation' and regexp_replace(tx.ref, '#\d+$', '') = base
    group by base
$$;

create function ledger.open_difference(p_group jsonb, p jsonb) returns ledger.discrepancy
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    opened discrepancy;
begin
    insert into discrepancy (
        method, livemode, currency, name, kind, difference, owner, payment_id, opened_at, changed_at)
    values (
        p->>'method', (p->>'livemode')::boolean, p->>'currency', p_group->'names'->>0,
        coalesce(p_group->>'kind', 'amount_mismatch'), (p_group->>'difference')::numeric,
        p->>'operator', (p_group->>'payment_id')::uuid, (p->>'at')::timestamptz,
        (p->>'at')::timestamptz)
    returning * into opened;
    perform note_discrepancy(opened.discrepancy_id, 'opened', p);
    return opened;
end
$$;

-- Two discrepancies turn out to be one: the others end in it.
create function ledger.merge_discrepancies(p_into bigint, p jsonb, p_names text[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    other bigint;
begin
    -- what was booked about the group counts once, with the one that is open
    update discrepancy set booked = 0
    where discrepancy_id in (select discrepancy_id from discrepancies_of(p, p_names))
      and discrepancy_id <> p_into;
    for other in
        select discrepancy_id from discrepancies_of(p, p_names)
        where state <> 'closed' and discrepancy_id <> p_into
    loop
        update discrepancy
        set in_suspense = 0, difference = 0, state = 'closed',
            changed_at = (p->>'at')::timestamptz, note = 'the same as #' || p_into
        where discrepancy_id = other;
        perform note_discrepancy(other, 'merged', p);
    end loop;
end
$$;

create function ledger.close_agreed(p_id bigint, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    update discrepancy
    set state = 'closed', note = 'both sides agree now', changed_at = (p->>'at')::timestamptz
    where discrepancy_id = p_id and difference = 0 and in_suspense = 0;
    if found then
        perform note_discrepancy(p_id, 'agreed', p);
    end if;
end
$$;

-- Keep a run and what it found. `p`: method, livemode, currency, since, until, tolerance (seconds),
-- opening, closing, digest, counts, operator, reason, at; lines (external_id, kind, at, gross, fee,
-- refers_to, hints); members (side, member, name); groups (see record_group: those that differ, and
-- those that agree again). Answers the run's id. Raises CF020 when a line was known otherwise.
create function ledger.record_reconciliation(p jsonb) returns bigint
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
as $$
declare
    new_id bigint;
begin
    perform check_signed(p);
    insert into recon_run (
        method, livemode, currency, since, until, tolerance, opening, closing, digest, counts,
        operator, at)
    values (
        p->>'method', (p->>'livemode')::boolean, p->>'currency', (p->>'since')::timestamptz,
        (p->>'until')::timestamptz, make_interval(secs => (p->>'tolerance')::integer),
        (p->>'opening')::numeric, (p->>'closing')::numeric, p->>'digest', p->'counts',
        p->>'operator', (p->>'at')::timestamptz)
    returning run_id into new_id;
    perform keep_lines(p, new_id);
    insert into recon_match (method, livemode, currency, side, member, name, run_id)
    select p->>'method', (p->>'livemode')::boolean, p->>'currency', m.side, m.member, m.name, new_id
    from jsonb_to_recordset(p->'members') as m (side text, member text, name text)
    on conflict (member, side, method, livemode, currency)
    do update set name = excluded.name, run_id = excluded.run_id
    where recon_match.name <> excluded.name;
    perform record_group(found_group, p) from jsonb_array_elements(p->'groups') as found_group;
    return new_id;
end
$$;

create function ledger.keep_lines(p jsonb, p_run_id bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    other text;
begin
    insert into provider_line (
        method, livemode, external_id, kind, at, gross, fee, currency, refers_to, hints, run_id)
    select p->>'method', (p->>'livemode')::boolean, l.external_id, l.kind, l.at, l.gross, l.fee,
        p->>'currency', l.refers_to, l.hints, p_run_id
    from jsonb_to_recordset(p->'lines') as l (
        external_id text, kind text, at timestamptz, gross numeric, fee numeric, refers_to text[],
        hints text[])
    on conflict (external_id, method, livemode) do nothing;
    select l.external_id into other
    from jsonb_to_recordset(p->'lines') as l (external_id text, gross numeric, fee numeric)
    join provider_line known
        on known.method = p->>'method' and known.livemode = (p->>'livemode')::boolean
       and known.external_id = l.external_id
    where (known.gross, known.fee, known.currency) is distinct from (l.gross, l.fee, p->>'currency')
    limit 1;
    if found then
        perform refuse(format('line %s had another amount in a former statement', other));
    end if;
end
$$;

-- A person's word about a discrepancy. `p`: id, operator, reason, at, and
--   action assign   owner
--   action explain  it stays open in amount, and somebody knows why
--   action close    nothing is left of it: either suspense holds nothing for it; or `with` names
--                   another one, and the two empty suspense together; or `write_off` names the
--                   account (adjustments, provider-costs, losses) that takes what is left
-- Raises CF020 for a closed one, and when something would be left.
create function ledger.change_discrepancy(p jsonb) returns void
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
as $$
declare
    target discrepancy;
begin
    perform check_signed(p);
    perform 1 from discrepancy
    where discrepancy_id in ((p->>'id')::bigint, (p->>'with')::bigint)
    order by discrepancy_id for no key update;
    select * into target from discrepancy where discrepancy_id = (p->>'id')::bigint;
    if not found or target.state = 'closed' then
        perform refuse('no such discrepancy is open');
    end if;
    case p->>'action'
        when 'assign' then
            update discrepancy set owner = p->>'owner', changed_at = (p->>'at')::timestamptz
            where discrepancy_id = target.discrepancy_id;
        when 'explain' then
            update discrepancy
            set state = 'explained', note = p->>'reason', changed_at = (p->>'at')::timestamptz
            where discrepancy_id = target.discrepancy_id;
        when 'close' then
            perform close_discrepancy(target, p);
        else
            raise exception 'unknown action %', p->>'action'
                using errcode = 'invalid_parameter_value';
    end case;
    if p->>'action' <> 'close' then
        perform note_discrepancy(target.discrepancy_id, p->>'action', p);
    end if;
end
$$;

create function ledger.close_discrepancy(p_target ledger.discrepancy, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    other discrepancy;
    place bigint;
    unbooked numeric := p_target.difference - p_target.booked;
begin
    if p->>'write_off' is not null then
        place := write_off(p_target, unbooked, p);
    elsif p->>'with' is not null then
        select * into other from discrepancy where discrepancy_id = (p->>'with')::bigint;
        if other.state is null or other.state = 'closed'
           or (other.method, other.livemode, other.currency)
              is distinct from (p_target.method, p_target.livemode, p_target.currency)
           or other.in_suspense + p_target.in_suspense <> 0 or unbooked <> 0 then
            perform refuse('the two do not empty suspense together');
        end if;
        perform end_discrepancy(other, 0, null, p);
    elsif p_target.in_suspense <> 0 then
        perform refuse(format('suspense holds %s for it: write it off, or close it with another one',
            amount_text(abs(p_target.in_suspense), p_target.currency)));
    elsif unbooked <> 0 then
        perform refuse(format('our books differ by %s still: write it off, or explain it',
            amount_text(abs(unbooked), p_target.currency)));
    end if;
    perform end_discrepancy(
        p_target, case when place is not null then unbooked else 0 end, place, p);
end
$$;

create function ledger.write_off(p_target ledger.discrepancy, p_unbooked numeric, p jsonb)
returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    posting jsonb := jsonb_build_object(
        'method', p_target.method, 'livemode', p_target.livemode, 'currency', p_target.currency,
        'name', p_target.name, 'against', p->>'write_off', 'operator', p->>'operator', 'reason', p->>'reason',
        'at', p->>'at');
    place bigint;
begin
    if p->>'write_off' not in ('adjustments', 'provider-costs', 'losses') then
        perform refuse('written off is to adjustments, provider-costs or losses');
    end if;
    if p_unbooked <> 0 then
        place := book_reconciliation(posting || jsonb_build_object(
            'amount', p_unbooked::text, 'ref', next_reference(posting, p_target.name)));
    end if;
    if p_target.in_suspense <> 0 then
        place := book_write_off(
            posting || jsonb_build_object('amount', p_target.in_suspense::text));
    end if;
    return place;
end
$$;

create function ledger.end_discrepancy(
    p_target ledger.discrepancy, p_booked numeric, p_position bigint, p jsonb
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    update discrepancy
    set state = 'closed', booked = booked + p_booked, in_suspense = 0, note = p->>'reason',
        position = coalesce(p_position, position), changed_at = (p->>'at')::timestamptz
    where discrepancy_id = p_target.discrepancy_id;
    perform note_discrepancy(p_target.discrepancy_id, 'closed', p, p_position);
end
$$;

-- Rights ---------------------------------------------------------------------------------------

grant select on
    ledger.recon_run, ledger.provider_line, ledger.recon_match, ledger.discrepancy,
    ledger.discrepancy_event, ledger.provider_item
to cift_operator, cift_ledger;
grant execute on function
    ledger.record_reconciliation(jsonb), ledger.change_discrepancy(jsonb)
to cift_operator;

reset role;
