"""The twin's book as the portal's statement, readable by what reads the real one."""

from mpesa_worker.statement import read
from tests.contract.provider_sandbox.world import World

URL = "/control/daraja/statement.csv"


async def content(world: World, **days: str) -> bytes:
    answer = await world.http.get(URL, params=days)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return answer.content


class TestStatement:
    async def test_equals_the_book(self, world: World) -> None:
        await world.pushed(Amount=1_500, AccountReference="ABCDEFGH2345")
        await world.payout()
        await world.advance(30)
        paid, out = sorted(await world.book(), key=lambda entry: entry["kind"], reverse=True)
        await world.reverse(paid["receipt"], 1_500)
        await world.advance(30)
        statement = read(await content(world))
        told = {line.external_id: (line.gross, line.fee) for line in statement.lines}
        back = (await world.book())[-1]["receipt"]
        assert told == {
            paid["receipt"]: (150_000, 0),
            out["receipt"]: (-50_000, 0),
            f"{out['receipt']}:charge": (0, 2_240),
            back: (-150_000, 0),
        }
        hints = {line.external_id: line.hints for line in statement.lines}
        assert hints[paid["receipt"]] == ("account ABCDEFGH2345",)
        assert hints[back] == (f"linked {paid['receipt']}",)
        assert statement.gaps == ()
        assert statement.opening == 100_000_000
        assert statement.closing == 100_000_000 - 50_000 - 2_240

    async def test_of_other_days_is_empty(self, world: World) -> None:
        await world.pushed()
        await world.advance(30)
        assert read(await content(world, to="2020-01-01")).lines == ()
        assert len(read(await content(world, **{"from": "2020-01-01"})).lines) == 1

    async def test_a_date_that_is_none_is_refused(self, world: World) -> None:
        assert (await world.http.get(URL, params={"from": "soon"})).status_code == 422
