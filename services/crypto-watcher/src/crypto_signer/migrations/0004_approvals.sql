-- Withdrawals above a limit are signed once a second person has approved them.

set local search_path to bitcoin_signer;

\include chain_watch approval_tables_1.sql

grant select on approval to cift_bitcoin_signer, cift_bitcoin;
grant select on approval_limit to cift_bitcoin;
grant select, insert, update, delete on approval_limit to cift_bitcoin_signer;

grant usage on schema bitcoin, bitcoin_signer to cift_wallet_approver;
grant select on bitcoin.attempt, bitcoin_signer.signature, bitcoin_signer.paid to cift_wallet_approver;
