"""`python -m crypto_signer`: sign withdrawals until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("crypto-signer", "crypto_signer.main:main")
