"""DemoPoll's signer: a second process beside the worker; only this one has the signing key."""

import hashlib
import hmac
import os

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def health() -> dict[str, str]:
    """The signer answers."""
    return {"status": "ok"}


@app.post("/sign")
async def sign(message: dict[str, str]) -> dict[str, str]:
    """The signature of a transfer's id."""
    key = os.environ["DEMOPOLL_SIGNING_KEY"].encode()
    return {"signature": hmac.new(key, message["id"].encode(), hashlib.sha256).hexdigest()}


if __name__ == "__main__":
    port = int(os.environ["CIFT_HTTP_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
