-- Withdrawals above a limit are signed once a second person has approved them.

set local search_path to ethereum_signer;

\include chain_watch approval_tables_1.sql

grant select on approval to cift_ethereum_signer, cift_ethereum;
grant select on approval_limit to cift_ethereum;
grant select, insert, update, delete on approval_limit to cift_ethereum_signer;

grant usage on schema ethereum, ethereum_signer to cift_wallet_approver;
grant select on ethereum.attempt, ethereum_signer.signature to cift_wallet_approver;
