"""The local stack on its embedded servers: what `make demo` promises when a process is killed.

Business rule: any service killed with -9 is back and at work within ten seconds (`make bench`
measures it). Here the limit is wider, because other tests share the machine.
"""

import time

import pytest

from cift_local.stack import Options, running_stack
from tests.support.books import check_books, check_nothing_sent_twice
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(180)]

BACK_WITHIN_S = 60


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)


async def test_a_killed_service_is_back_and_at_work(embedded) -> None:
    with throw_away_folder("stack") as folder:
        async with running_stack(Options(folder, speed=40, prefer_ports=False)) as stack:
            client = await MerchantClient.of(stack)
            numbers = iter(phones(9))
            for service in ("mpesa-worker", "ledger", "gateway", "postgres"):
                first = await client.pay("deposit", "500.00", next(numbers), "cus_1")
                await client.all_final([str(first)])
                killed = time.monotonic()
                stack.kill(service)
                second = await client.pay("deposit", "500.00", next(numbers), "cus_1")
                await client.all_final([str(second)])
                assert time.monotonic() - killed < BACK_WITHIN_S, service
            payments = await client.all_final(client.accepted)
            assert {payment["status"] for payment in payments} == {"completed"}
            await check_books(stack, payments)
            await check_nothing_sent_twice(stack)


async def test_a_stopped_stack_goes_on_where_it_was(embedded) -> None:
    with throw_away_folder("stack") as folder:
        async with running_stack(Options(folder, speed=40, prefer_ports=False)) as stack:
            client = await MerchantClient.of(stack)
            done = await client.pay("deposit", "500.00", phones(2)[0], "cus_1")
            await client.all_final([str(done)])
            open_still = await client.pay("deposit", "300.00", phones(2)[1], "cus_1")
        async with running_stack(Options(folder, speed=40, prefer_ports=False)) as stack:
            again = MerchantClient(stack.url("gateway"), client.api_key)
            payments = await again.all_final([str(done), str(open_still)])
            assert [payment["status"] for payment in payments] == ["completed", "completed"]
            await check_books(stack, payments)
