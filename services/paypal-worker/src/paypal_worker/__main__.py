"""`python -m paypal_worker`: process PayPal payments until SIGTERM."""

from cift_shared.runtime.process import run_process

if __name__ == "__main__":
    run_process("paypal-worker", "paypal_worker.main:main")
