"""An Ethereum node for tests and the demo, over a real EVM (py-evm), with geth's JSON-RPC.

It is its own process, `python -m provider_sandbox.ethereum`, and shares no state with the other
twins. Where Node.js is there, anvil can stand in for it: the same tests run on both.
"""
