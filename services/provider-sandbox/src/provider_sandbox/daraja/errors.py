"""Daraja's synchronous error body, and its answers to wrong paths and methods.

Source: Daraja documentation, "Error codes" of each API; the body is
``{"requestId", "errorCode", "errorMessage"}``.
"""

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from provider_sandbox.daraja.ids import request_id
from provider_sandbox.daraja.wire import render


class DarajaError(Exception):
    """A request that Daraja refuses in its synchronous answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> bytes:
        """The JSON body of the error."""
        return render(
            {"requestId": request_id(), "errorCode": self.code, "errorMessage": self.message}
        )


def invalid(field: str) -> DarajaError:
    """The error for a field that breaks a rule."""
    return DarajaError(400, "400.002.02", f"Bad Request - Invalid {field}")


def refused(message: str) -> DarajaError:
    """The error 500.001.1001, which is ambiguous: only its text shows what was refused."""
    return DarajaError(500, "500.001.1001", message)


_PAGES = {
    404: ("404.001.01", "Resource not found"),
    405: ("405.001", "Method Not Allowed"),
}


def install_error_pages(app: FastAPI) -> None:
    """Answer with Daraja's error bodies, except under ``/control``."""

    @app.exception_handler(DarajaError)
    async def daraja_error(_: Request, error: DarajaError) -> Response:
        return Response(error.body(), error.status, media_type="application/json")

    @app.exception_handler(HTTPException)
    async def page(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith("/control") or error.status_code not in _PAGES:
            return await http_exception_handler(request, error)
        code, message = _PAGES[error.status_code]
        return await daraja_error(request, DarajaError(error.status_code, code, message))
