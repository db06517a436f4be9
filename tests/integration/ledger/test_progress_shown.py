"""A payment in work may show how far it is; what a result does not say is not taken away."""

import pytest

from tests.integration.ledger.books import Books, Paid

pytestmark = pytest.mark.integration

PAY, HALF = {"type": "pay_to_address", "n": "0"}, {"type": "pay_to_address", "n": "1"}


async def shown(books: Books, paid: Paid) -> object:
    return (await books.payment(paid))["next_action"]


async def test_progress_is_kept_while_it_is_processed_and_ends_with_it(books: Books) -> None:
    paid = await books.deposit()
    await books.apply(paid.result("action_required", seq=1, next_action=PAY))
    assert await shown(books, paid) == PAY
    await books.apply(paid.result("submitted", seq=2, next_action=HALF))
    assert (await books.payment(paid))["status"] == "processing"
    assert await shown(books, paid) == HALF
    await books.apply(paid.result("noted", seq=3))
    assert await shown(books, paid) == HALF
    await books.apply(paid.result("submitted", seq=4, next_action=PAY))
    assert await shown(books, paid) == PAY
    await books.apply(paid.result("submitted", seq=3, next_action=HALF))  # overtaken
    assert await shown(books, paid) == PAY
    await books.apply(paid.result("settled", seq=5))
    assert await shown(books, paid) is None


async def test_without_progress_processing_shows_nothing(books: Books) -> None:
    paid = await books.deposit()
    await books.apply(paid.result("action_required", seq=1, next_action=PAY))
    await books.apply(paid.result("submitted", seq=2))
    assert await shown(books, paid) is None
