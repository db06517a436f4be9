"""`python -m momo_worker`: process MTN MoMo payments until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("momo-worker", "momo_worker.main:main")
