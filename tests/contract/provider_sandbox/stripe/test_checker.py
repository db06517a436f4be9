"""The checker itself, the table of parameters, and the table of transitions."""

import copy
from pathlib import Path
from typing import Any

import pytest

from provider_sandbox.store import Store
from provider_sandbox.stripe import parameters
from provider_sandbox.stripe.errors import StripeError
from provider_sandbox.stripe.objects import Objects, Record
from provider_sandbox.stripe.operations import ROUTES
from provider_sandbox.stripe.transitions import EDGES, IllegalTransition
from tests.support import stripe_parameters
from tests.support.stripe_spec import Checker, Illegal, description
from tests.support.stripe_twin import StripeTwin


def mutated(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place changed; ``...`` removes it."""
    changed = copy.deepcopy(body)
    *way, last = path.split(".")
    here: Any = changed
    for step in way:
        here = here[int(step)] if step.isdigit() else here[step]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return changed


class TestChecker:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("id", ...),
            ("created", ...),
            ("livemode", ...),
            ("status", "paid"),
            ("amount", "2000"),
            ("amount", 20.5),
            ("object", "payment"),
            ("colour", "red"),
            ("capture_method", "never"),
            ("metadata", {"a": 1}),
            ("latest_charge.amount_captured", ...),
            ("latest_charge.colour", "red"),
            ("latest_charge.status", "paid"),
            ("latest_charge.payment_method_details.card.exp_month", "12"),
            ("latest_charge.payment_method_details.card.colour", "red"),
            ("latest_charge.balance_transaction.net", None),
            ("payment_method_options.card.colour", "red"),
        ],
    )
    async def test_catches_every_change_of_a_good_answer(
        self, twin: StripeTwin, path: str, value: Any
    ) -> None:
        expand = "expand[]=latest_charge.balance_transaction&metadata[a]=1&capture_method=automatic"
        form = f"amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa&{expand}"
        answer = await twin.call(
            "POST", "/v1/payment_intents", f"{form}&payment_method_types[]=card"
        )
        checker = Checker()
        checker.answer(200, answer.json())
        with pytest.raises(Illegal):
            checker.answer(200, mutated(answer.json(), path, value))

    async def test_catches_changes_of_events(self, twin: StripeTwin) -> None:
        await twin.pay()
        await twin.settle()
        good = twin.posts[-1].body
        checker = Checker()
        checker.event(good)
        bad = [
            ("data.object.status", "paid"),
            ("data.object.colour", "red"),
            ("data.colour", "red"),
            ("pending_webhooks", None),
            ("request.colour", "red"),
            ("type", ...),
        ]
        for path, value in bad:
            with pytest.raises(Illegal):
                checker.event(mutated(good, path, value))

    async def test_catches_changes_of_errors_and_lists(self, twin: StripeTwin) -> None:
        error = (await twin.call("GET", "/v1/charges/ch_x")).json()
        await twin.pay()
        listed = (await twin.call("GET", "/v1/charges")).json()
        checker = Checker()
        for status, good, path, value in (
            (404, error, "error.type", "oops"),
            (404, error, "error.colour", "red"),
            (404, error, "error", ...),
            (200, listed, "data.0.paid", "yes"),
            (200, listed, "colour", "red"),
            (200, listed, "has_more", None),
        ):
            checker.answer(status, good)
            with pytest.raises(Illegal):
                checker.answer(status, mutated(good, path, value))

    async def test_counts_what_it_saw(self, twin: StripeTwin) -> None:
        await twin.pay()
        await twin.call("GET", "/v1/charges/ch_x")
        await twin.settle()
        seen = twin.checker
        assert (seen.answers, seen.errors, seen.events) == (1, 1, 3)


class TestParameters:
    def test_the_twins_table_is_made_from_the_description(self) -> None:
        assert stripe_parameters.TABLE.read_text(encoding="utf-8") == stripe_parameters.text()

    def test_every_operation_has_its_row(self) -> None:
        table = stripe_parameters.shared(stripe_parameters.table())
        assert {route.key for route in ROUTES} == set(table["operations"])

    def test_every_operation_of_the_table_is_described(self) -> None:
        paths = description()["paths"]
        for name in stripe_parameters.OPERATIONS:
            method, path = name.split()
            assert method in paths[path]

    @pytest.mark.parametrize(
        "given",
        [
            {"amount": "1", "currency": "usd", "metadata": "x"},
            {"amount": "1", "currency": {"a": "b"}},
            {"amount": {"a": "b"}, "currency": "usd"},
            {"amount": "1", "currency": "usd", "expand": "x"},
            {"amount": "1", "currency": "usd", "expand": {"a": "x"}},
            {"amount": "1", "currency": "usd", "payment_method_data": "card"},
            {"amount": "1", "currency": "usd", "payment_method_data": {"type": "iban"}},
            {"amount": "1", "currency": "usd", "automatic_payment_methods": {}},
            {"amount": "1", "currency": "usd", "metadata": {str(n): "x" for n in range(51)}},
            {"amount": "1", "currency": "usd", "metadata": {"k" * 41: "x"}},
        ],
    )
    def test_shapes_that_do_not_fit(self, given: dict[str, Any]) -> None:
        with pytest.raises(StripeError) as refused:
            parameters.check("post /v1/payment_intents", given)
        assert (refused.value.status, refused.value.saved) == (400, False)

    def test_types_are_made_from_text(self) -> None:
        made = parameters.check(
            "post /v1/payment_intents",
            {
                "amount": "100",
                "currency": "usd",
                "confirm": "true",
                "off_session": "one_off",
                "expand": {"1": "b", "0": "a"},
                "metadata": {"a": "1"},
            },
        )
        assert made == {
            "amount": 100,
            "currency": "usd",
            "confirm": True,
            "off_session": "one_off",
            "expand": ["a", "b"],
            "metadata": {"a": "1"},
        }


class TestTransitions:
    @pytest.mark.parametrize("kind", ["payment_intent", "setup_intent", "charge", "dispute"])
    def test_cover_the_statuses_that_stripe_names(self, kind: str) -> None:
        schema = description()["components"]["schemas"][kind]["properties"]["status"]
        named = {status for status in EDGES[kind] if status is not None}
        rare = {"prevented"} if kind == "dispute" else set()  # never made here
        assert named == set(schema["enum"]) - rare

    @pytest.mark.parametrize("kind", sorted(EDGES))
    def test_lead_to_known_statuses_only(self, kind: str) -> None:
        for ends in EDGES[kind].values():
            assert ends <= set(EDGES[kind])

    def test_an_illegal_step_is_refused_and_told(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "x.sqlite3")
        objects = Objects(store)
        record = objects.add(Record({"id": "re_1", "object": "refund", "status": "pending"}))
        record.body["status"] = "failed"
        objects.save(record)
        record.body["status"] = "succeeded"
        with pytest.raises(IllegalTransition):
            objects.save(record)
        with pytest.raises(IllegalTransition):
            objects.add(Record({"id": "re_2", "object": "refund", "status": "canceled"}))
        store.close()
        assert objects.violations == ["refund: failed to succeeded", "refund: None to canceled"]
