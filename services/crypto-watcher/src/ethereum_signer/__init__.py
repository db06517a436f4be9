"""The part of the signer's process that signs withdrawals of ether; nobody can call it."""
