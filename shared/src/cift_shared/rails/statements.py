"""Provider statements in one format for every provider.

A worker registers a `StatementFormat` (entry points `cift.statements`, by method). Its reader
parses the file into lines without personal data: a line has no phone, no name and no free text.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from importlib.metadata import entry_points
from typing import Any
from uuid import UUID

from cift_shared.errors import CiftError, SettingsInvalid


class StatementUnreadable(CiftError):
    """A statement, or a line of it, can't be parsed; no line of it was imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLine:
    """One line: money that moved at the provider."""

    external_id: str
    """The provider's id of the line, unique among the provider's lines."""
    kind: str
    """`payment`, `payout`, `reversal`, `charge` or `other`."""
    at: datetime
    """When the provider completed it; an aware datetime."""
    gross: int
    """Minor units: positive for money in, negative for money out."""
    fee: int = 0
    """The provider's fee in minor units; negative when the provider returned some."""
    currency: str
    references: tuple[str, ...]
    """The provider's references (receipts) that the line is about; one line may cover several."""
    hints: tuple[str, ...] = ()
    """Weaker references, used if the ledger knows none of `references`; see
    `StatementFormat.hints`."""

    @property
    def net(self) -> int:
        """The change of our balance at the provider, in minor units."""
        return self.gross - self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A parsed statement."""

    lines: tuple[ProviderLine, ...]
    opening: int | None = None
    """Balance before the first line, minor units; None when the statement has none."""
    closing: int | None = None
    """Balance after the last line."""
    gaps: tuple[str, ...] = ()
    """Lines whose balance does not follow from the line before: a line may be missing there."""
    skipped: int = 0
    """Number of lines that moved no money (failed, canceled)."""


@dataclass(frozen=True, slots=True)
class StatementFormat:
    """How to parse one provider's statements."""

    read: Callable[[bytes], Statement]
    """Raises StatementUnreadable, naming the line."""
    timezone: tzinfo
    """The time zone whose midnight ends a day of the statement."""
    hints: Callable[[UUID], tuple[str, ...]]
    """The hints for a payment; a line about the payment may have one of them."""
    kept: "Callable[[Any, datetime, datetime], Awaitable[tuple[ProviderLine, ...]]] | None" = None
    """Returns the lines of incoming payments that the worker itself has read from the provider's
    records, for a connection and a period (its end excluded); None: the worker reads none."""


def statement_format(method: str) -> StatementFormat:
    """The format of an installed method's statements.

    Raises:
        SettingsInvalid: the method has no statement format.
    """
    for point in entry_points(group="cift.statements"):
        if point.name == method:
            loaded: StatementFormat = point.load()
            return loaded
    raise SettingsInvalid(f"no statements of {method!r} can be read: nothing is installed for it")
