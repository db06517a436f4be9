-- Withdrawals in tokens (ERC-20). The caps of each are counted for itself.

alter table ethereum_signer.signature
    add column contract bytea;

comment on column ethereum_signer.signature.contract is 'of the token; null: ether';
comment on column ethereum_signer.signature.wei is 'in the smallest unit of what is paid';
