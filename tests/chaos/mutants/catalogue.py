"""Every bug, each of a kind that somebody has made before."""

from tests.chaos.mutants import bugs_in_books, bugs_in_workers, bugs_on_the_way

MUTANTS = (*bugs_on_the_way.MUTANTS, *bugs_in_workers.MUTANTS, *bugs_in_books.MUTANTS)
