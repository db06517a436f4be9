-- Accounts and their balances. Debit is positive, credit is negative, everywhere.

set local role cift_ledger_owner;

-- The chart of accounts: the word before the first colon of a code says what the account is.
create table ledger.account_kind (
    kind        text primary key,
    class       text not null check (
        class in ('asset', 'liability', 'equity', 'revenue', 'expense')),
    normal_side text not null check (normal_side in ('debit', 'credit')),
    floor       numeric(38, 0),  -- what `available` must never go below; null: no limit
    house       boolean not null -- shared by all customers of a mode or a merchant, hence hot
);

insert into ledger.account_kind (kind, class, normal_side, floor, house) values
    ('customer',       'liability', 'credit', 0,    false),  -- what we owe a customer
    ('provider',       'asset',     'debit',  null, true),   -- what a provider holds for us
    ('merchant',       'liability', 'credit', null, true),   -- what we owe a merchant; below: it us
    ('fees',           'revenue',   'credit', null, true),   -- what we earned
    ('provider-costs', 'expense',   'debit',  null, true),   -- what providers charged us
    ('suspense',       'liability', 'credit', null, true),   -- moved, and not yet explained
    ('disputes',       'asset',     'debit',  null, true),   -- taken back by payers, undecided
    ('losses',         'expense',   'debit',  null, true),   -- money back that no customer covers
    ('liquidity',      'asset',     'debit',  null, true),   -- ours to exchange; may go either side
    ('adjustments',    'equity',    'credit', null, true),   -- corrections by people
    ('rounding',       'expense',   'debit',  null, true),   -- what conversion cuts off
    ('network',        'expense',   'debit',  null, true);   -- what networks charged us

create table ledger.account (
    account_id  bigint generated always as identity primary key,
    tenant      text not null,  -- '<merchant>:<test|live>', for our own 'house:<test|live>'
    code        text not null,  -- 'customer:<id>:KES', 'provider:mpesa:KES', ...
    kind        text not null references ledger.account_kind,
    currency    text not null references ledger.currency,
    class       text not null,
    normal_side text not null,
    created_at  timestamptz not null default now(),
    unique (tenant, code)
);

-- One row an account, kept apart so that the hot path updates nothing but this. Narrow and half
-- empty pages: an update finds room beside the old version and touches no index.
create table ledger.balance (
    account_id bigint primary key references ledger.account,
    currency   text not null,                      -- the account's, for the entries
    normal     smallint not null check (normal in (1, -1)),  -- +1 debit side, -1 credit side
    house      boolean not null,
    posted     numeric(38, 0) not null default 0,  -- sum of all entries
    held       numeric(38, 0) not null default 0,  -- sum of open holds, on the natural side
    floor      numeric(38, 0),
    version    bigint not null default 0,          -- number of entries
    constraint balance_held_not_negative check (held >= 0),
    constraint balance_available_not_below_floor
        check (floor is null or normal * posted - held >= floor)
) with (fillfactor = 50);

create trigger account_never_deleted
    before delete on ledger.account
    for each row execute function ledger.refuse_change();
create trigger balance_never_deleted
    before delete on ledger.balance
    for each row execute function ledger.refuse_change();

-- The account of that name, made when it is missing.
--
-- Callers open house accounts before customer accounts and in the order of their codes, so that
-- two transactions that make the same accounts wait for each other in one order.
create function ledger.open_account(p_tenant text, p_code text) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    found_id bigint;
    account_kind account_kind;
begin
    select account_id into found_id from account where tenant = p_tenant and code = p_code;
    if found then
        return found_id;
    end if;
    select * into strict account_kind
    from account_kind k where k.kind = split_part(p_code, ':', 1);
    insert into account (tenant, code, kind, currency, class, normal_side)
    values (p_tenant, p_code, account_kind.kind, split_part(p_code, ':', -1),
            account_kind.class, account_kind.normal_side)
    on conflict (tenant, code) do nothing
    returning account_id into found_id;
    if found then
        insert into balance (account_id, currency, normal, house, floor)
        values (found_id, split_part(p_code, ':', -1),
                case account_kind.normal_side when 'debit' then 1 else -1 end,
                account_kind.house, account_kind.floor);
        return found_id;
    end if;
    -- somebody else made it a moment ago; the insert has waited for that commit
    select account_id into strict found_id from account where tenant = p_tenant and code = p_code;
    return found_id;
end
$$;

-- 'test' or 'live', the second half of a tenant.
create function ledger.mode_of(livemode boolean) returns text
language sql immutable
return case when livemode then 'live' else 'test' end;

create function ledger.house_tenant(livemode boolean) returns text
language sql immutable
return 'house:' || case when livemode then 'live' else 'test' end;

reset role;
