-- Leases of the gateway's processes: the relay's lead, the replicas' names.

set local search_path to gateway;

\include cift_shared lease_table_1.sql

grant select, insert, update on lease to cift_gateway;
