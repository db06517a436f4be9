"""The invariants of the ledger, and the verifier that checks them continuously."""
