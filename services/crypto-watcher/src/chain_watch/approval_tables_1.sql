-- Approvals of large withdrawals, in the schema of a chain's signer, which the search_path names. The
-- signer that leads says what needs one; who approves has a role of its own, and no watcher has it.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_wallet_approver') then
        create role cift_wallet_approver nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_wallet_approver to current_user;

create table approval_limit (
    currency text primary key,
    minor    numeric(78,0) not null check (minor >= 0)  -- what is above it needs an approval
);

-- One decision for a withdrawal, for ever. It names what was decided about.
create table approval (
    payment_id  uuid primary key,
    is_approved boolean not null,
    script      bytea not null,                  -- of the recipient
    minor       numeric(78,0) not null check (minor > 0),
    currency    text not null,
    operator    text not null check (operator <> ''),
    reason      text not null check (reason <> ''),
    login       text not null default session_user,
    decided_at  timestamptz not null default now()
);

grant select on approval, approval_limit to cift_wallet_approver;
grant insert (payment_id, is_approved, script, minor, currency, operator, reason) on approval
    to cift_wallet_approver;
