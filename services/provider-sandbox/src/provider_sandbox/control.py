"""``/control``: routes that control and inspect the twins. Not a part of any provider's API."""

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.faults import Fault, Kind
from provider_sandbox.twin import Provider, Twin


class FaultOrder(BaseModel):
    """A fault for the next requests of an operation."""

    model_config = ConfigDict(extra="forbid")

    operation: str
    """Name such as ``daraja.stk`` or pattern such as ``daraja.*``."""
    kind: Kind
    times: int = Field(default=1, ge=1)
    delay_s: float = Field(default=0, ge=0, le=600)
    """Real seconds, not scaled: callers' timeouts are not scaled either."""
    error_code: str | None = None
    """For ``token_invalid``: one of the codes of the setting ``token_error``."""
    match: dict[str, str] = {}
    """Fields that the request body must have, with these values."""
    probability: float = Field(default=1, gt=0, le=1)
    """Share of the matching requests that it hits, drawn with the seed."""


class Outage(BaseModel):
    """Whether and how every provider operation fails."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["off", "drop_before", "html_503"]


class ClockMove(BaseModel):
    """A jump of the clock, another speed, or both."""

    model_config = ConfigDict(extra="forbid")

    advance_s: float | None = Field(default=None, gt=0)
    """Seconds of provider time; divided by the speed like every delay."""
    speed: float | None = Field(default=None, gt=0)


def control_router(twin: Twin, providers: Sequence[Provider]) -> APIRouter:
    """The control routes that all twins share."""
    router = APIRouter(prefix="/control", tags=["control"])
    _add_views(router, twin)
    _add_faults(router, twin)
    _add_settings(router, twin)
    _add_reset(router, twin, providers)
    return router


def _add_views(router: APIRouter, twin: Twin) -> None:
    @router.get("/health")
    async def health() -> dict[str, str]:
        """Report that the twin is running."""
        return {"status": "ok"}

    @router.get("/book")
    async def book(since: int = 0, limit: int = Query(10_000, ge=1)) -> dict[str, Any]:
        """Money movements after a sequence number."""
        return {"entries": twin.book.entries(since=since, limit=limit)}

    @router.get("/requests")
    async def requests(at_least: int = 1) -> dict[str, Any]:
        """The requests received, counted by the caller's reference and callback address."""
        return twin.request_log.summary(at_least=at_least)

    @router.get("/pending")
    async def pending() -> dict[str, Any]:
        """Counts of scheduled events, overdue events and callbacks."""
        return {
            "agenda": twin.scheduled_events.counts(),
            "overdue": twin.scheduled_events.overdue(),
            "callbacks": twin.webhook_sender.counts(),
        }

    @router.get("/callbacks")
    async def callbacks(since: int = 0, limit: int = Query(1_000, ge=1)) -> dict[str, Any]:
        """Callbacks after a number, and how each one ended."""
        return {"entries": twin.webhook_sender.entries(since=since, limit=limit)}


def _add_faults(router: APIRouter, twin: Twin) -> None:
    @router.post("/faults", status_code=201)
    async def order_fault(order: FaultOrder) -> dict[str, int]:
        """Add a fault."""
        fault = Fault(kind=order.kind, delay_s=order.delay_s, error_code=order.error_code)
        rule = twin.faults.add(
            order.operation,
            fault,
            times=order.times,
            match=order.match,
            probability=order.probability,
        )
        return {"id": rule}

    @router.get("/faults")
    async def faults() -> dict[str, Any]:
        """The faults that are not used up."""
        return {"faults": twin.faults.rules()}

    @router.delete("/faults", status_code=204)
    async def clear_faults() -> None:
        """Delete every fault."""
        twin.faults.clear()

    @router.put("/outage")
    async def outage(wanted: Outage) -> Outage:
        """Begin or end an outage of every provider operation."""
        twin.store.execute("DELETE FROM meta WHERE key = 'outage'")
        if wanted.mode != "off":
            twin.store.set_meta("outage", wanted.mode)
        return wanted


def _add_settings(router: APIRouter, twin: Twin) -> None:
    @router.get("/settings")
    async def settings() -> dict[str, Any]:
        """The settings, without secrets."""
        return twin.settings.public()

    @router.patch("/settings")
    async def change_settings(patch: dict[str, Any]) -> dict[str, Any]:
        """Change settings until the next start."""
        _change(twin, patch)
        return twin.settings.public()

    @router.post("/clock")
    async def clock(move: ClockMove) -> dict[str, float]:
        """Skip time or change the speed."""
        if move.speed is not None:
            _change(twin, {"speed": move.speed})
        if move.advance_s is not None:
            twin.scheduled_events.skip(twin.clock.span(move.advance_s))
        return {"now": twin.clock.now(), "speed": twin.clock.speed}


def _add_reset(router: APIRouter, twin: Twin, providers: Sequence[Provider]) -> None:
    @router.post("/reset", status_code=204)
    async def reset() -> None:
        """Delete everything except the settings and the key pair."""
        await twin.webhook_sender.stop()
        twin.store.clear()
        twin.clock.skipped_s = 0
        for provider in providers:
            provider.prepare()


def _change(twin: Twin, patch: dict[str, Any]) -> None:
    try:
        changed = twin.settings.changed(patch)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    twin.settings = changed
    if changed.speed != twin.clock.speed:
        twin.scheduled_events.change_speed(changed.speed)
