"""Plans of chaos schedules: the same for the same seed, and nothing is left out for long."""

import pytest

from cift_local.stack import replica
from cift_shared.rails.registry import rails
from gateway.payment_methods.instrument_resolver import check_choice
from gateway.payment_methods.kinds import kind_for
from gateway.payments.requests import PaymentIn
from tests.chaos.cluster.cluster import LINKS, PARTS, SERVICES
from tests.chaos.cluster.proxy import TOXICS
from tests.chaos.rails.installed import TRAFFIC
from tests.chaos.schedules.plan import FAULT_KINDS, FAULTS, Plan, plan_of
from tests.chaos.schedules.regressions import REGRESSIONS
from tests.chaos.schedules.traffic import order_of

BASES = [0, 7, 1_000, 123_456_789]


def plans(base: int, count: int = 20) -> list[Plan]:
    return [plan_of(seed) for seed in range(base, base + count)]


def test_a_seed_is_a_plan() -> None:
    assert plan_of(42) == plan_of(42)
    assert plan_of(42) != plan_of(43)


@pytest.mark.parametrize("base", BASES)
def test_any_twenty_seeds_draw_every_class_of_fault(base: int) -> None:
    drawn = {kind for plan in plans(base) for kind in plan.kinds}
    assert drawn == set(FAULT_KINDS)


@pytest.mark.parametrize("base", BASES)
def test_any_twenty_seeds_draw_every_method_and_every_kind_of_request(base: int) -> None:
    customers = [customer for plan in plans(base) for customer in plan.customers]
    assert {customer.method for customer in customers} == {
        traffic.method for traffic in TRAFFIC.values()
    }
    steps = [step for customer in customers for step in customer.steps]
    assert {step.kind for step in steps} == {"deposit", "withdrawal", "refund", "cancel", "verify"}
    assert {step.together for step in steps if step.repeats} == {True, False}


def test_every_customer_sends_what_the_api_accepts() -> None:
    for customer in (customer for plan in plans(1_000, 40) for customer in plan.customers):
        for step in customer.steps:
            if step.kind in ("deposit", "withdrawal"):
                order = order_of(customer, step)
                if step.kind == "withdrawal" and TRAFFIC[customer.rail].recipient is not None:
                    assert "payment_method" not in order  # the twin makes one
                    continue
                body = PaymentIn.model_validate(order)
                kind = kind_for(rails()[customer.rail], step.kind)
                check_choice(kind, body.payment_method, off_session=body.off_session)


def test_each_schedule_draws_a_few_faults_with_targets_that_exist() -> None:
    for plan in plans(5, 200):
        assert FAULTS[0] <= len(plan.faults) <= FAULTS[1]
        for fault in plan.faults:
            if fault.kind == "bad network":
                assert fault.target in LINKS
                assert fault.detail["toxic"] in TOXICS
            elif not fault.kind.startswith("twin"):
                assert fault.target in (*PARTS, *(replica(name, 2) for name in SERVICES))


@pytest.mark.parametrize("base", BASES)
def test_every_second_schedule_has_two_processes_of_each_service_and_one_hangs(base: int) -> None:
    hangs = [plan.hang for plan in plans(base, 80) if plan.seed not in REGRESSIONS]
    assert abs(sum(hang is not None for hang in hangs) - len(hangs) / 2) <= 2
    drawn = {(hang.target, hang.detail["who"]) for hang in hangs if hang is not None}
    assert {service for service, _ in drawn} == set(SERVICES)
    assert {who for _, who in drawn} == {"leader", "standby"}


def test_a_regression_keeps_the_plan_it_was_found_with() -> None:
    assert all(plan_of(seed).replicas == 1 for seed in REGRESSIONS)


def test_no_two_customers_of_a_world_share_a_phone() -> None:
    phones = [
        customer.payment_method["phone"]
        for plan in plans(995, 10)
        for customer in plan.customers
        if "phone" in customer.payment_method
    ]
    assert len(phones) == len(set(phones))
    assert all(len(phone) == len("254712345678") for phone in phones)


def test_a_part_that_is_refunded_or_paid_out_fits_into_its_deposit() -> None:
    for plan in plans(77, 50):
        for customer in plan.customers:
            amounts = [step.amount for step in customer.steps]
            assert amounts[0] is not None
            for amount in amounts[1:]:
                assert amount is None or float(amount) <= float(amounts[0])
