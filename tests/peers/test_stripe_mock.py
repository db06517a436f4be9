"""stripe-mock as a witness: it accepts what our worker sends, and our twin shows what it shows."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from card_worker import client
from card_worker.stripe_call import RequestRefused
from card_worker.transport import CALL
from provider_sandbox.stripe.operations import ROUTES
from tests.peers import every_operation, stripe_mock
from tests.peers.both import Both, Field, lacking
from tests.peers.scenario import WORKS, Stand, play
from tests.peers.twin import KEY, open_twin
from tests.support.twin_transport import TwinTransport

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

NOT_SHOWN: dict[Field, str] = {
    ("balance", "connect_reserved"): "of platforms that pay others (Connect) only",
    ("charge", "refunds"): "absent unless expanded since version 2022-11-15; its example is older",
    ("payment_method", "metadata.order_id"): "a key in the example's own metadata",
    ("search_result", "total_count"): "absent unless expanded, which the twin does not play",
}
"""What stripe-mock shows and our twin does not, and why that is right."""


@pytest.fixture(scope="session")
def mock_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stripe_mock.running(tmp_path_factory.mktemp("stripe-mock")) as address:
        yield address


@pytest.fixture
async def mock(mock_address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mock_address, auth=KEY) as opened:
        yield opened


class Witness(httpx.AsyncBaseTransport):
    """The worker's way into the twin; stripe-mock judges a copy of each request."""

    def __init__(self, inside: httpx.AsyncBaseTransport, mock: httpx.AsyncClient) -> None:
        self._inside = TwinTransport(inside)
        self._mock = mock
        self.refused: list[str] = []
        self.asked: set[str] = set()
        """Our client's names of the operations."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        body = await request.aread()
        copy = self._mock.build_request(
            request.method, request.url.raw_path.decode(), headers=headers, content=body
        )
        answer = await self._mock.send(copy)
        self.asked.add(CALL.get().endpoint)
        if answer.status_code != 200:
            self.refused.append(f"{request.method} {request.url.path} {body!r}: {answer.text}")
        return await self._inside.handle_async_request(request)


@pytest.fixture
async def watched(tmp_path: Path, mock: httpx.AsyncClient) -> AsyncIterator[tuple[Stand, Witness]]:
    made: list[Witness] = []

    def way(inside: httpx.AsyncBaseTransport) -> Witness:
        made.append(Witness(inside, mock))
        return made[0]

    async with open_twin(tmp_path, way=way) as stand:
        yield stand, made[0]


class TestWhatTheWorkerSends:
    async def test_is_accepted(self, watched: tuple[Stand, Witness]) -> None:
        stand, witness = watched
        await play(stand)
        await _ask_for_the_rest(stand)
        assert witness.refused == []
        assert witness.asked == _operations()

    async def test_would_be_refused_if_it_were_wrong(self, watched: tuple[Stand, Witness]) -> None:
        stand, witness = watched
        wrong = {"amount": 2000, "currency": "usd", "colour": "red"}
        with pytest.raises(RequestRefused):
            await _api(stand).create_intent(wrong, "key")
        (told,) = witness.refused
        assert "colour" in told

    @pytest.mark.parametrize(
        "form", ["amount=2000", "amount=x&currency=usd", "amount=2000&currency=usd&confirm=maybe"]
    )
    async def test_other_faults_are_seen_too(self, mock: httpx.AsyncClient, form: str) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await mock.post("/v1/payment_intents", content=form, headers=headers)
        assert answer.status_code == 400


async def _ask_for_the_rest(stand: Stand) -> None:
    """What the worker asks only after faults, asked of its own client."""
    api, now = _api(stand), int(stand.clock.now().timestamp())
    _, paid = await stand.pay(WORKS)
    intent, attempt = paid.memory["intent"], str(paid.attempt_id)
    assert await api.find_intent(attempt, since=now - 60, until=now + 60) is not None
    refund = await api.create_refund({"payment_intent": intent, "amount": 500}, "refund")
    assert await api.find_refund(attempt, intent) is None
    await api.retrieve_refund(refund.id)
    assert await api.list_disputes(intent) == []
    setup = await api.create_setup({"payment_method_types": ["card"]}, "setup")
    await api.cancel_setup(setup.id, "cancel")
    await api.retrieve_method(await stand.card(WORKS))


def _api(stand: Stand) -> client.StripeApi:
    return stand.adapter._context.api


def _operations() -> set[str]:
    """Every operation of our client."""
    source = Path(client.__file__).read_text(encoding="utf-8")
    return set(re.findall(r'_call\(\s*"(\w+)"', source))


async def test_the_twin_shows_every_field(tmp_path: Path, mock: httpx.AsyncClient) -> None:
    async with open_twin(tmp_path) as stand:
        both = Both(stand.http, mock)
        await every_operation.ask(both)
    assert both.asked == {route.key for route in ROUTES}
    assert both.lacking == set(NOT_SHOWN)


@pytest.mark.parametrize(
    ("theirs", "ours", "found"),
    [
        ({"object": "a", "x": 1}, {"object": "a"}, {("a", "x")}),
        ({"object": "a", "x": {"y": 1}}, {"object": "a", "x": {}}, {("a", "x.y")}),
        ({"object": "a", "x": {"y": 1}}, {"object": "a", "x": None}, set()),
        ({"object": "a", "x": {"object": "b", "y": 1}}, {"object": "a", "x": "b_1"}, set()),
        (
            {"object": "list", "data": [{"object": "b", "y": 1}]},
            {"object": "list", "data": [{"object": "b"}]},
            {("b", "y")},
        ),
        ({"object": "a", "x": 1}, {"object": "b"}, set()),
    ],
)
def test_a_lacking_field_is_found(theirs: Any, ours: Any, found: set[Field]) -> None:
    assert set(lacking(theirs, ours)) == found
