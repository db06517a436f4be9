-- `cift stuck` and `cift check` act with an operator's login and ask what is overdue.

set local role cift_ledger_owner;

grant execute on function ledger.overdue(timestamptz) to cift_operator;

reset role;
