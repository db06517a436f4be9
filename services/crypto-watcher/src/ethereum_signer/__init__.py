"""The part of the signer's process that signs withdrawals by Ethereum; nobody can call it."""
