"""Which of several coins are taken, and their names."""

from bitcoin_watcher.coin_selection import extend, select
from tests.unit.crypto_watcher.test_coin_selection import coins, wanted


def test_a_coin_is_named_by_its_transaction_and_place() -> None:
    (coin,) = coins(5)
    assert coin.reference == "0" * 64 + ":0"


def test_a_replacement_takes_the_largest_of_the_others_first() -> None:
    chosen, small, large = coins(1_000, 5_000, 900_000)
    found = extend([chosen], [small, large], wanted(100_000))
    assert found is not None
    assert list(found.coins) == [chosen, large]


def test_of_sums_that_fit_alike_the_one_with_the_largest_coin_is_taken() -> None:
    asked = wanted(100_000)
    fitting = 100_000 + asked.fee(2, with_change=False)
    held = coins(50_000, fitting - 50_000, 70_000, fitting - 70_000)
    found = select(held, asked)
    assert found is not None
    assert [one.satoshi for one in found.coins] == [70_000, fitting - 70_000]
