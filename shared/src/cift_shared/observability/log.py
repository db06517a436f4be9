"""Structured logs: one event name with fields per line, personal data masked.

Every string is masked: phone numbers keep their first four and last three digits, e-mail addresses
keep their domain, digit runs that pass the card check are replaced, and so is every field whose
name indicates a secret.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import structlog

from cift_shared.observability.outage_log import OutageFilter, without_traceback
from cift_shared.observability.telemetry import trace_fields

_SECRET_FIELD = re.compile(
    r"authorization|password|secret|token|passkey|credential|signature|api_?key"
)
_SUSPECT = re.compile(r"@|(?:\d[ -]?){10}")
"""Found in every text that one of the patterns below matches; most texts have no such part."""
_PHONE = re.compile(r"(?<![0-9a-fA-F-])\+?(?:25[0456][17]|255[67]|256[37]|0[1367])\d{8}(?!\d)")
_PUSH_REQUEST = re.compile(r"ws_CO_\d{10,}")
# Matches only from the start of a word: from every letter of a long word it would be very slow.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@([\w-]+\.[\w.-]+)")
_DIGIT_RUN = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def mask(text: str) -> str:
    """The text with phone numbers, e-mail addresses and card numbers made unreadable."""
    if not _SUSPECT.search(text):
        return text
    text = _PUSH_REQUEST.sub("ws_CO_****", text)
    text = _PHONE.sub(lambda match: mask_phone(match.group().lstrip("+")), text)
    text = _EMAIL.sub(r"****@\1", text)
    return _DIGIT_RUN.sub(_mask_card, text)


def mask_phone(number: str) -> str:
    """A phone number masked for display: 2547****149."""
    return f"{number[:4]}****{number[-3:]}"


def looks_like_card(digits: str) -> bool:
    """True for 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return 13 <= len(digits) <= 19 and total % 10 == 0


def _mask_card(match: re.Match[str]) -> str:
    digits = re.sub(r"[ -]", "", match.group())
    return "[card]" if looks_like_card(digits) else match.group()


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: _mask_field(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_value(item) for item in value]
    return value


def _mask_field(name: str, value: Any) -> Any:
    return "[secret]" if _is_secret(name) else _mask_value(value)


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    return _SECRET_FIELD.search(name.lower()) is not None


def _mask_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _mask_field(key, value) for key, value in event.items()}


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**event, **trace_fields()}


def _with_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace `exc_info=True` by the exception that is being handled."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()
    return event


def start_logging(service: str, *, level: str, style: str) -> None:
    """Send structlog and the standard library's loggers to stdout, masked.

    Lines of an expected outage are limited (`cift_shared.observability.outage_log`).

    Args:
        service: name added to every line.
        level: lowest level shown.
        style: "json" for machines, "console" for human readers.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _add_trace,
        _with_exception,
        without_traceback,
        structlog.processors.format_exc_info,
        _mask_event,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=True)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(OutageFilter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("aiokafka", "httpx", "httpcore", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def get_logger() -> Any:
    """A logger: `log.info("payment.accepted", payment_id=...)`."""
    return structlog.get_logger()
