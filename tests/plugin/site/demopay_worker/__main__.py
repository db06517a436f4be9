"""`python -m demopay_worker`: process payments by DemoPay until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("demopay-worker", "demopay_worker.app:main")
