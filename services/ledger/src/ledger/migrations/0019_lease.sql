-- Leases of the ledger's processes: the relay's lead, the replicas' names.

set local role cift_ledger_owner;
set local search_path to ledger;

\include cift_shared lease_table_1.sql

grant select, insert, update on lease to cift_ledger;

reset role;
