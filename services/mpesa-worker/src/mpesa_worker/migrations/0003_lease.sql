-- Leases of the worker's processes: the relay's lead, the replicas' names, the renewal of the
-- access token.

set local search_path to mpesa;

\include cift_shared lease_table_1.sql

grant select, insert, update on lease to cift_mpesa;
