"""The twin's book as the portal's statement, readable by what reads the real one."""

from mpesa_worker.statement import read
from tests.support.daraja_twin import DarajaTwin

URL = "/control/daraja/statement.csv"


async def content(twin: DarajaTwin, **days: str) -> bytes:
    answer = await twin.http.get(URL, params=days)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return answer.content


class TestStatement:
    async def test_equals_the_book(self, twin: DarajaTwin) -> None:
        await twin.pushed(Amount=1_500, AccountReference="ABCDEFGH2345")
        await twin.payout()
        await twin.advance(30)
        paid, out = sorted(await twin.book(), key=lambda entry: entry["kind"], reverse=True)
        await twin.reverse(paid["receipt"], 1_500)
        await twin.advance(30)
        statement = read(await content(twin))
        told = {line.external_id: (line.gross, line.fee) for line in statement.lines}
        back = (await twin.book())[-1]["receipt"]
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

    async def test_of_other_days_is_empty(self, twin: DarajaTwin) -> None:
        await twin.pushed()
        await twin.advance(30)
        assert read(await content(twin, to="2020-01-01")).lines == ()
        assert len(read(await content(twin, **{"from": "2020-01-01"})).lines) == 1

    async def test_a_date_that_is_none_is_refused(self, twin: DarajaTwin) -> None:
        assert (await twin.http.get(URL, params={"from": "soon"})).status_code == 422
