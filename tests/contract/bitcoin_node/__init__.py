"""What a watcher and a signer need of a bitcoind, on our node and on any other.

`BITCOIN_RPC_URL` (with user and password) names a bitcoind on regtest that the suite may mine on.
"""
