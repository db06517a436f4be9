"""`cift verify-books`: check the ledger's invariants when an operator runs it."""

from collections.abc import Sequence

from cift_shared.cli import Cell, Exit, Output, Table, command, environment, progress
from ledger.cli.session import open_ledger
from ledger.verification.invariants import Finding, load_invariants, verify


@command("verify-books")
async def verify_books() -> Output:
    """Check every invariant over the whole ledger; exits with 1 when one is broken."""
    with progress("invariants", len(load_invariants()) + 1) as bar:
        async with open_ledger(environment("DATABASE_URL")) as connection:
            findings = await verify(connection, on_checked=bar.step)
    broken = [finding.invariant.name for finding in findings if finding.violations]
    return Output(
        {"broken": len(broken), "invariants": [_facts(finding) for finding in findings]},
        [table(findings)],
        broken,
        Exit.FINDING if broken else Exit.OK,
    )


def table(findings: Sequence[Finding]) -> Table:
    """The findings as a table: one row for each invariant and each example."""
    rows: list[list[str | Cell]] = []
    for finding in findings:
        broken = finding.violations
        verdict = Cell(f"{broken} BROKEN", "bold red") if broken else Cell("ok", "green")
        rows.append([finding.invariant.name, verdict, finding.invariant.rule])
        rows += [["", "", f"  {example}"] for example in finding.examples]
    return Table(["invariant", "verdict", "rule"], rows)


def _facts(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.invariant.name,
        "rule": finding.invariant.rule,
        "violations": finding.violations,
        "examples": list(finding.examples),
    }
