"""`python -m ledger`: run the ledger service until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("ledger", "ledger.main:main")
