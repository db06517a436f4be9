"""The API as one page: routes, fields and problems, from the OpenAPI document. No scripts."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from gateway.problems import KINDS

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#f2f2f2;padding:.1em .3em}td,th{text-align:left;padding:.2rem .8rem .2rem 0;"
    "vertical-align:top}section{border-top:1px solid #ddd;margin-top:1.5rem}"
)


def docs_page(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{escape(document['info']['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(document['info']['title'])}</h1>",
        f"<p>{escape(document['info'].get('description', ''))}</p>",
        '<p>For programs: <a href="/openapi.json">/openapi.json</a></p>',
        *_operations(document),
        "<section><h2>Problems</h2>",
        *_problems(),
        "</section></html>",
    ]
    return "\n".join(parts)


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            yield f"<section><h2><code>{verb.upper()} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation.get('description', ''))}</p>"
            scopes = " or ".join(operation.get("x-scopes", [])) or "none, public"
            yield f"<p>Scope: {escape(scopes)}</p>"
            yield from _parameters(operation)
            yield from _body(operation, document)
            yield f"<p>Answers: {', '.join(operation['responses'])}</p></section>"


def _parameters(operation: Mapping[str, Any]) -> Iterator[str]:
    rows = [(f"{item['name']} ({item['in']})", item) for item in operation.get("parameters", [])]
    yield from _table(rows)


def _body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schemas = [content.get("schema", {}), *content.get("schema", {}).get("anyOf", [])]
    for schema in schemas:
        name = schema.get("$ref", "").rpartition("/")[2]
        if name:
            fields = document["components"]["schemas"][name].get("properties", {})
            yield from _table(list(fields.items()))


def _table(rows: list[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    if not rows:
        return
    yield "<table>"
    for name, item in rows:
        told = item.get("description") or item.get("title") or ""
        yield f"<tr><td><code>{escape(name)}</code></td><td>{escape(told)}</td></tr>"
    yield "</table>"


def _problems() -> Iterator[str]:
    yield "<table><tr><th>code</th><th>status</th><th>meaning</th><th>try again</th></tr>"
    for code, kind in sorted(KINDS.items()):
        again = "yes" if kind.retryable else "no"
        yield (
            f'<tr id="problem-{code}"><td><code>{code}</code></td><td>{kind.status}</td>'
            f"<td>{escape(kind.title)}</td><td>{again}</td></tr>"
        )
    yield "</table>"
