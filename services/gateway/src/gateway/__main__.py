"""`python -m gateway`: serve the API until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("gateway", "gateway.main:main")
