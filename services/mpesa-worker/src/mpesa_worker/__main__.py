"""`python -m mpesa_worker`: process M-Pesa payments until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("mpesa-worker", "mpesa_worker.main:main")
