"""What a provider's statement says, in one shape for every provider.

A worker brings a `StatementFormat` (entry points `cift.statements`, by method). Its reader turns
the file into lines; personal data stays behind: a line has no phone, no name and no free text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from importlib.metadata import entry_points
from uuid import UUID

from cift_shared.errors import CiftError, SettingsInvalid


class StatementUnreadable(CiftError):
    """A statement, or a line of it, can't be read; nothing of it was taken in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLine:
    """One line: money that moved at the provider."""

    external_id: str
    """The provider's name for the line, unique among its lines."""
    kind: str
    """`payment`, `payout`, `reversal`, `charge` or `other`."""
    at: datetime
    """When it was completed there, aware."""
    gross: int
    """Minor units: in is positive, out is negative."""
    fee: int = 0
    """Minor units the provider took for it; negative when it gave some back."""
    currency: str
    references: tuple[str, ...]
    """The provider's references (receipts) that the line is about; one line may cover several."""
    hints: tuple[str, ...] = ()
    """Weaker names, used where no reference is known to our books: see `StatementFormat.hint`."""

    @property
    def net(self) -> int:
        """What the line changed at the provider, minor units."""
        return self.gross - self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as it was read."""

    lines: tuple[ProviderLine, ...]
    opening: int | None = None
    """Balance before the first line, minor units; None when the statement tells none."""
    closing: int | None = None
    """Balance after the last line."""
    gaps: tuple[str, ...] = ()
    """Lines whose balance does not follow from the line before: a line may be missing there."""
    skipped: int = 0
    """Lines that moved nothing (failed, canceled)."""


@dataclass(frozen=True, slots=True)
class StatementFormat:
    """How one provider's statements are read."""

    read: Callable[[bytes], Statement]
    """Raises StatementUnreadable, naming the line."""
    timezone: tzinfo
    """Whose midnight ends a day of the statement."""
    hint: Callable[[UUID], str]
    """The hint that a line about this payment carries."""


def statement_format(method: str) -> StatementFormat:
    """The format of an installed method's statements.

    Raises:
        SettingsInvalid: the method brings none.
    """
    for point in entry_points(group="cift.statements"):
        if point.name == method:
            loaded: StatementFormat = point.load()
            return loaded
    raise SettingsInvalid(f"no statements of {method!r} can be read: nothing is installed for it")
