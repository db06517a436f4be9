"""`python -m tests.mutation`: what a change of the money rules would have to get past.

    python -m tests.mutation                          all modules of targets.py
    python -m tests.mutation --modules card_worker.amounts,cift_shared.money.amount
    python -m tests.mutation --since main             modules that differ from a git ref
    python -m tests.mutation --sql [--only WORD]      the posting functions and the workers' queries
    python -m tests.mutation --gate                   the short list that CI runs

Prints the score of each module and every survivor; the last line is JSON. The exit status is 1 when
a module is below its score, a mutant of SQL survives, or a list no longer fits the code.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from tests.mutation.equivalents import FILE, ListBroken, read_equivalents
from tests.mutation.run import Score, changed_since, judge_apart, report
from tests.mutation.server import UnsoundTests
from tests.mutation.sql_list import sql_to_judge
from tests.mutation.sql_run import judge_sql
from tests.mutation.targets import GATE, TARGETS
from tests.support.share import head, share_of

SHARES = 3
"""CI judges one of so many parts of its list of SQL: all of them take ten minutes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what was asked for; the exit status."""
    options = _parser().parse_args(arguments)
    totals: dict[str, object] = {}
    is_good = True
    try:
        if not options.sql:
            scores = _judge_modules(_modules(options), options.parallel)
            totals["modules"] = {score.module: round(score.percent, 1) for score in scores}
            is_good &= all(score.is_enough for score in scores)
        if options.sql or options.gate:
            chosen = [
                mutant
                for mutant in sql_to_judge()
                if any(word in mutant.name for word in options.only.split(","))
                and (mutant.guard or not options.gate)
            ]
            if options.gate:
                chosen = share_of(chosen, SHARES, commit=head())
            survivors = judge_sql(chosen, parallel=options.parallel)
            totals["sql"] = {"mutants": len(chosen), "survivors": len(survivors)}
            is_good &= not survivors
    except (UnsoundTests, ListBroken) as broken:
        print(f"{type(broken).__name__}: {broken}", file=sys.stderr)
        totals["error"] = str(broken)
        is_good = False
    print(json.dumps({**totals, "good": is_good}))
    return 0 if is_good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--modules", default="", help="of targets.py, with commas")
    parser.add_argument("--since", default="", help="a git ref: only modules that differ from it")
    parser.add_argument("--sql", action="store_true", help="SQL instead of Python")
    parser.add_argument(
        "--only",
        default="",
        help="SQL mutants whose name has one of these words in it, with commas",
    )
    parser.add_argument("--gate", action="store_true", help="what CI runs")
    parser.add_argument("--parallel", type=int, default=2)
    return parser


def _modules(options: argparse.Namespace) -> list[str]:
    if options.gate:
        return list(GATE)
    modules = [name for name in options.modules.split(",") if name] or list(TARGETS)
    strange = sorted(set(modules) - set(TARGETS))
    if strange:
        raise ListBroken(f"not in targets.py: {', '.join(strange)}")
    return changed_since(options.since, modules) if options.since else modules


def _judge_modules(modules: Sequence[str], parallel: int) -> list[Score]:
    """One after the other, each in a process of its own, for it loads modules for good."""
    known = read_equivalents(FILE.read_text("utf-8"))
    strange = {name.partition(" | ")[0] for name in known} - set(TARGETS)
    if strange:
        raise ListBroken(f"equivalents of no module of targets.py: {', '.join(sorted(strange))}")
    scores = []
    for module in modules:
        score = judge_apart(module, TARGETS[module], known, parallel=parallel)
        print(report(score), flush=True)
        scores.append(score)
    return scores


if __name__ == "__main__":
    sys.exit(main())
