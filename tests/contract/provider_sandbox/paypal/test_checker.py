"""The checker itself, the two tables, the table of transitions."""

import copy
from pathlib import Path
from typing import Any

import pytest

from provider_sandbox.paypal.objects import Objects, Record
from provider_sandbox.paypal.operations import ROUTES
from provider_sandbox.paypal.transitions import EDGES, IllegalTransition
from provider_sandbox.store import Store
from tests.support import paypal_tables
from tests.support.paypal_spec import Checker, Illegal, description, operations
from tests.support.paypal_twin import PayPalTwin


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
            ("status", "PAID"),
            ("colour", "red"),
            ("create_time", "yesterday"),
            ("payer.colour", "red"),
            ("payer.payer_id", "x"),
            ("purchase_units", ...),
            ("purchase_units.0.amount.value", 1),
            ("purchase_units.0.amount.value", "1,00"),
            ("purchase_units.0.amount.colour", "red"),
            ("purchase_units.0.payments.captures.0.status", "PAID"),
            ("purchase_units.0.payments.captures.0.colour", "red"),
            ("purchase_units.0.payments.captures.0.seller_receivable_breakdown.fee", "1"),
            ("links.0.rel", ...),
        ],
    )
    async def test_catches_every_change_of_an_order(
        self, twin: PayPalTwin, path: str, value: Any
    ) -> None:
        order = await twin.approved()
        await twin.capture(order)
        good = (await twin.call("GET", f"/v2/checkout/orders/{order}")).json()
        checker, place = Checker(), f"/v2/checkout/orders/{order}"
        checker.answer("GET", place, 200, good)
        with pytest.raises(Illegal):
            checker.answer("GET", place, 200, mutated(good, path, value))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("name", "OOPS"),
            ("message", "Oops"),
            ("colour", "red"),
            ("details.0.issue", "OOPS"),
            ("details.0.issue", "CAPTURE_FULLY_REFUNDED"),
            ("details.0.colour", "red"),
        ],
    )
    async def test_catches_every_change_of_an_error(
        self, twin: PayPalTwin, path: str, value: Any
    ) -> None:
        order = (await twin.order())["id"]
        answer = await twin.capture(order)
        checker, place = Checker(), f"/v2/checkout/orders/{order}/capture"
        checker.answer("POST", place, 422, answer.json())
        with pytest.raises(Illegal):
            checker.answer("POST", place, 422, mutated(answer.json(), path, value))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("id", ...),
            ("summary", ...),
            ("colour", "red"),
            ("resource.colour", "red"),
            ("resource.status", "PAID"),
            ("resource.amount.currency_code", ...),
        ],
    )
    async def test_catches_changes_of_events(self, twin: PayPalTwin, path: str, value: Any) -> None:
        await twin.paid()
        await twin.settle()
        good = twin.posts[-1].body
        Checker().event(good)
        with pytest.raises(Illegal):
            Checker().event(mutated(good, path, value))

    def test_catches_unknown_paths_and_statuses(self) -> None:
        with pytest.raises(Illegal):
            Checker().answer("GET", "/v2/checkout/colours", 200, {})
        with pytest.raises(Illegal):
            Checker().answer("POST", "/v1/notifications/webhooks-events/X/resend", 200, {"a": 1})


class TestTables:
    @pytest.mark.parametrize("name", ["issues", "requests"])
    def test_are_made_from_the_descriptions(self, name: str) -> None:
        stored = (paypal_tables.FOLDER / f"{name}.json").read_text(encoding="utf-8")
        assert stored == paypal_tables.text(getattr(paypal_tables, name)())

    def test_every_route_is_described(self) -> None:
        for route in ROUTES:
            _, method, path, _ = operations()[route.key]
            assert method == route.method.lower()
            assert path.count("/") == route.path.count("/")


class TestTransitions:
    @pytest.mark.parametrize(
        ("kind", "spec", "schema", "absent"),
        [
            ("order", "checkout_orders_v2", "order_status", ["SAVED"]),
            ("capture", "payments_payment_v2", "capture_status", ["FAILED"]),
            ("refund", "payments_payment_v2", "refund_status", []),
            ("batch", "payments_payouts_batch_v1", "batch_enum", ["CANCELED"]),
            ("item", "payments_payouts_batch_v1", "transaction_enum", []),
        ],
    )
    def test_cover_the_statuses_that_paypal_names(
        self, kind: str, spec: str, schema: str, absent: list[str]
    ) -> None:
        found = description(spec)["components"]["schemas"][schema]
        named = found.get("enum") or found["properties"]["status"]["enum"]
        assert {status for status in EDGES[kind] if status} == set(named) - set(absent)

    @pytest.mark.parametrize("kind", sorted(EDGES))
    def test_lead_to_known_statuses_only(self, kind: str) -> None:
        for ends in EDGES[kind].values():
            assert ends <= set(EDGES[kind])

    def test_an_illegal_step_is_refused_and_told(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "x.sqlite3")
        objects = Objects(store)
        record = objects.add(Record("1", "capture", {}, status="DECLINED"))
        record.status = "COMPLETED"
        with pytest.raises(IllegalTransition):
            objects.save(record)
        store.close()
        assert objects.violations == ["capture: DECLINED to COMPLETED"]
