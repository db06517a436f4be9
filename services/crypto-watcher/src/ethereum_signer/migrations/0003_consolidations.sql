-- Transfers between our own addresses: deposits are moved to the account that pays, and ether for
-- gas to addresses that hold tokens.

alter table ethereum_signer.signature
    add column purpose text not null default 'payout'
        check (purpose in ('payout', 'consolidation', 'gas'));

comment on column ethereum_signer.signature.purpose is
    'payout: a withdrawal, or it uses a nonce up; consolidation: from the address of a deposit to the '
    'account that pays; gas: ether from that account to such an address';
