"""Build the twin: shared parts, faces (providers), routes, and the loop of scheduled events."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence

import httpx
from fastapi import FastAPI

from provider_sandbox.agenda import Agenda
from provider_sandbox.arrivals import Arrivals
from provider_sandbox.book import Book
from provider_sandbox.clock import Clock
from provider_sandbox.control import control_router
from provider_sandbox.courier import Courier
from provider_sandbox.daraja.errors import install_error_pages
from provider_sandbox.daraja.face import DarajaFace
from provider_sandbox.faults import FaultPlan
from provider_sandbox.gate import Gate
from provider_sandbox.scheduler import Handler, Scheduler
from provider_sandbox.settings import Settings
from provider_sandbox.store import Store
from provider_sandbox.stripe.face import StripeFace
from provider_sandbox.twin import Face, Twin


def create_app(settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> Gate:
    """The twin as an ASGI app; it opens the store now and starts its loop with the lifespan.

    Args:
        settings: the settings of the twin.
        transport: receives the callbacks instead of the network, for tests.
    """
    twin = _open(settings, transport)
    faces = _faces(twin)
    for face in faces:
        face.prepare()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        twin.courier.resume()
        handlers = _handlers(twin, faces)
        loop = asyncio.create_task(Scheduler(twin.store, twin.agenda, handlers).run())
        yield
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        await twin.courier.close()
        twin.store.close()

    app = FastAPI(title="Provider twins", lifespan=lifespan)
    install_error_pages(app)
    app.include_router(control_router(twin, faces))
    for face in faces:
        for router in face.routers():
            app.include_router(router)
    return Gate(app, twin, faces)


def _faces(twin: Twin) -> Sequence[Face]:
    faces: list[Face] = [DarajaFace(twin)]
    if twin.settings.stripe_secret_key is not None:
        faces.append(StripeFace(twin))
    return faces


def _open(settings: Settings, transport: httpx.AsyncBaseTransport | None) -> Twin:
    store = Store(settings.state)
    clock = Clock(speed=settings.speed, skipped_s=float(store.meta("skipped_s") or 0))
    agenda = Agenda(store, clock)
    courier = Courier(
        store, agenda, clock, timeout_s=settings.callback_timeout_s, transport=transport
    )
    noise = random.Random(settings.seed)  # noqa: S311 - noise, not secrecy
    return Twin(
        settings=settings,
        store=store,
        clock=clock,
        agenda=agenda,
        courier=courier,
        book=Book(store, clock),
        arrivals=Arrivals(store, clock),
        faults=FaultPlan(store, noise),
        noise=noise,
    )


def _handlers(twin: Twin, faces: Sequence[Face]) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {"deliver": twin.courier.start}
    for face in faces:
        handlers.update(face.handlers())
    return handlers
