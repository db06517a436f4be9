"""Decode form fields with brackets, such as ``metadata[a]=1&expand[0]=x``, to nested values."""

from typing import Any
from urllib.parse import parse_qsl

from provider_sandbox.stripe.errors import invalid

Nested = dict[str, Any]
"""Text, or a nested mapping; until validation, a list is a mapping by index or position."""


def pairs(raw: str) -> dict[str, str]:
    """The fields as sent, with brackets in their names; the last value of a name counts."""
    return dict(parse_qsl(raw, keep_blank_values=True))


def decode(raw: str) -> Nested:
    """Nested values; every leaf is text.

    Raises:
        StripeError: a name is used both for a value and for a nested mapping.
    """
    root: Nested = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        _put(root, name, value)
    return root


def _put(root: Nested, name: str, value: str) -> None:
    first, *rest = name.replace("]", "").split("[")
    here, part = root, first
    for following in rest:
        inner = here.setdefault(part, {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid hash: {name}", param=first)
        here = inner
        part = following or str(len(inner))  # a[]=x appends
    if isinstance(here.get(part), dict):
        raise invalid(f"Invalid hash: {name}", param=first)
    here[part] = value
