"""Replay a seed with every line: `python -m tests.simulation 17`; `100..200`: only what failed."""

import sys

from tests.simulation.simulation import Simulation


def main(words: list[str]) -> int:
    failed = 0
    for word in words:
        begin, dots, end = word.partition("..")
        seeds = range(int(begin), int(end)) if dots else [int(begin)]
        for seed in seeds:
            report = Simulation(seed, keep_lines=not dots).run()
            if not dots:
                print("\n".join(report.lines), Simulation(seed).plan, sep="\n")
            if report.findings:
                failed += 1
                print(report)
    print(f"{failed} failed")
    return min(1, failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
