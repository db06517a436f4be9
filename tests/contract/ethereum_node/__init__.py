"""What a watcher and a signer need of an Ethereum node, on ours, on anvil and on any other.

`ETHEREUM_RPC_URL` names another node that has anvil's methods to pay, mine and reorganise.
"""
