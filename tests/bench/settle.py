"""How many payments a second the whole stack carries from request to posted, again and again.

A rate is sustained when the backlog (due and not yet final) does not grow while it lasts. The
highest such rate is searched by halving; a run above it leaves a backlog, whose draining is timed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.arithmetic import backlog, growth, per_second
from tests.bench.cluster import FINAL, Cluster
from tests.bench.load import Result

GROWTH_MAX = 0.05
"""Growth of the backlog as a share of the rate that still counts as none."""
SETTLE_IN_S = 2.0
"""The beginning of a run, which is not looked at: the provider's time fills the pipeline first."""
CLOSE_ENOUGH = 1.1
RATE_MIN = 2.0

_MOMENTS = f"""
select payment_id::text as id,
       extract(epoch from min(created_at) filter (where to_status in {FINAL}))::float8 as posted
  from ledger.payment_event where payment_id = any ($1::uuid[]) group by payment_id
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """A run at one rate; moments are seconds from its start."""

    rate: float
    seconds: float
    arrived: Sequence[float]
    settled: Sequence[float]

    @property
    def growth(self) -> float:
        """Payments a second by which the backlog grew."""
        return growth(self.arrived, self.settled, SETTLE_IN_S, self.seconds)

    @property
    def settled_per_s(self) -> float:
        """Settled a second while the load lasted."""
        return per_second(self.settled, SETTLE_IN_S, self.seconds)

    @property
    def sustained(self) -> bool:
        """True when the backlog did not grow."""
        return self.growth <= GROWTH_MAX * self.rate

    @property
    def left(self) -> int:
        """The backlog at the end of the load."""
        return backlog(self.arrived, self.settled, self.seconds)

    @property
    def drained_per_s(self) -> float:
        """Settled a second once nothing new came; 0: there was nothing left."""
        late = [at for at in self.settled if at > self.seconds]
        return len(late) / (max(late) - self.seconds) if late else 0.0


@dataclass
class Search:
    """Halving the ratio between a rate that is known to hold and one that does not."""

    next: float
    holds: float = 0.0
    fails: float = 0.0

    def learn(self, rate: float, *, sustained: bool) -> None:
        """Take in a trial and choose the next rate."""
        if sustained:
            self.holds = max(self.holds, rate)
        else:
            self.fails = min(self.fails or rate, rate)
        if not self.fails:
            self.next = self.holds * 1.4
        elif not self.holds:
            self.next = self.fails / 1.4
        else:
            self.next = (self.holds * self.fails) ** 0.5

    @property
    def done(self) -> bool:
        """True when both are close enough to each other."""
        return bool(self.holds and self.fails) and self.fails / self.holds <= CLOSE_ENOUGH


async def trial(cluster: Cluster, rate: float, seconds: float) -> Trial:
    """Runs one rate and waits until everything is settled."""
    result = await cluster.load(rate, seconds, arrivals="even")
    await cluster.settled(300)
    settled = await posted_at(cluster, result)
    moments = [at - result.started_at for at in settled.values()]
    return Trial(rate, seconds, result.due, moments)


async def posted_at(cluster: Cluster, result: Result) -> dict[str, float]:
    """When the accepted payments became final, by id; wall clock."""
    ids = [result.ids[n] for n in result.accepted]
    rows = await cluster.rows(_MOMENTS, ids)
    return {row["id"]: row["posted"] for row in rows if row["posted"] is not None}


def _go_on(search: Search, trials_left: bool) -> bool:
    """True while the search is worth another trial; some rate has to be found that holds."""
    if not search.holds:
        return search.next >= RATE_MIN
    return trials_left and not search.done


async def highest(cluster: Cluster, guess: float, seconds: float, trials: int) -> list[Trial]:
    """Searches the highest sustained rate; answers every trial."""
    search = Search(guess)
    done: list[Trial] = []
    while _go_on(search, len(done) < trials):
        last = await trial(cluster, search.next, seconds)
        done.append(last)
        search.learn(last.rate, sustained=last.sustained)
    return done
