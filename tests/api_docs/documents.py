"""The published documents: where they lie, what they should hold, and how they are written anew.

python -m tests.api_docs.documents      writes docs/openapi.json and docs/asyncapi.json
"""

import json
from pathlib import Path
from typing import Any

from cift_shared.asyncapi import document
from gateway.app import create_app
from tests.support.gateway import settings_for

ROOT = Path(__file__).parents[2]
OPENAPI = ROOT / "docs" / "openapi.json"
ASYNCAPI = ROOT / "docs" / "asyncapi.json"


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document as the gateway answers it at /openapi.json."""
    return create_app(settings_for("postgresql://nowhere/none")).openapi()


def text_of(document: dict[str, Any]) -> str:
    """A document as its file holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OPENAPI.write_text(text_of(openapi_document()))
    ASYNCAPI.write_text(text_of(document.document()))
