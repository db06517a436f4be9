"""MTN's refusals: ``{"code", "message"}`` of the wallet, ``{"statusCode", "message"}`` of the gate.

Source: momodeveloper.mtn.com, the descriptions of each operation; HTML pages as seen in production.
"""

import json

from fastapi import FastAPI, Request, Response


class MomoError(Exception):
    """A request that MTN refuses."""

    def __init__(self, status: int, body: bytes = b"", *, html: bool = False) -> None:
        super().__init__(f"{status} {body[:80]!r}")
        self.status = status
        self.body = body
        self.html = html


def refused(status: int, code: str, message: str) -> MomoError:
    """A refusal of the wallet."""
    return MomoError(status, json.dumps({"code": code, "message": message}).encode())


def denied(message: str) -> MomoError:
    """A refusal of the gate before the wallet: 401."""
    return MomoError(401, json.dumps({"statusCode": 401, "message": message}).encode())


def page(status: int, title: str) -> MomoError:
    """An HTML page of a server in front."""
    text = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    return MomoError(status, text.encode(), html=True)


def install_errors(app: FastAPI) -> None:
    """Answer refusals in MTN's form."""

    @app.exception_handler(MomoError)
    async def momo_error(_: Request, error: MomoError) -> Response:
        kind = "text/html" if error.html else "application/json"
        return Response(error.body, error.status, media_type=kind if error.body else None)
