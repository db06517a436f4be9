"""`python -m crypto_watcher`: watch the chains until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("crypto-watcher", "crypto_watcher.main:main")
