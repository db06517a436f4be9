"""A Bitcoin node for tests and the demo: a regtest chain with Bitcoin Core's RPC.

Consensus is Bitcoin Core's own (libbitcoinkernel). Mempool, RPC and block assembly are written
here. It is its own process, `python -m provider_sandbox.bitcoin`, and shares no state with the
other twins.
"""
