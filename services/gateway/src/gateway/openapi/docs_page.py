"""The API as a page: Swagger UI shows the OpenAPI document, a table below it the problems.

Everything comes from the gateway itself, and the page allows no inline script or style. The files
of Swagger UI are copies of its npm package; `docs_assets/ORIGIN.md` names version and licence.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from gateway.problems.help import HELP
from gateway.problems.problem import KINDS

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Images as data: are the arrows and locks in Swagger UI's own style sheet."""
_MEDIA_TYPES = {
    "swagger-ui.css": "text/css",
    "page.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "page.js": "text/javascript",
}

_NO_SCRIPTS = (
    '<noscript><p class="beside">This page needs scripts; the document for programs is at'
    ' <a href="/openapi.json">/openapi.json</a>.</p></noscript>'
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page needs."""

    content: bytes
    media_type: str
    etag: str


def read_assets() -> dict[str, Asset]:
    """Every file of the page, by name."""
    folder = files("gateway.openapi") / "docs_assets"
    assets = {}
    for name, media_type in _MEDIA_TYPES.items():
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:32]
        assets[name] = Asset(content, f"{media_type}; charset=utf-8", f'"{digest}"')
    return assets


def docs_page(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document."""
    title = escape(document["info"]["title"])
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            '<link rel="icon" href="data:,">',
            '<link rel="stylesheet" href="/docs/swagger-ui.css">',
            '<link rel="stylesheet" href="/docs/page.css"></head><body>',
            f'<main id="reference">{_NO_SCRIPTS}</main>',
            '<section class="beside"><h2>Problems</h2>',
            *_problems(),
            "</section>",
            '<script src="/docs/swagger-ui-bundle.js"></script>',
            '<script src="/docs/page.js"></script></body></html>',
        ]
    )


def _problems() -> Iterator[str]:
    yield "<table><tr><th>code</th><th>status</th><th>meaning</th><th>what to do</th>"
    yield "<th>try again</th></tr>"
    for code, kind in sorted(KINDS.items()):
        again = "yes" if kind.retryable else "no"
        yield (
            f'<tr id="problem-{code}"><td><code>{code}</code></td><td>{kind.status}</td>'
            f"<td>{escape(kind.title)}</td><td>{escape(HELP[code])}</td><td>{again}</td></tr>"
        )
    yield "</table>"
