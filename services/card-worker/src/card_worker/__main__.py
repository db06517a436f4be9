"""`python -m card_worker`: process card payments until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("card-worker", "card_worker.main:main")
