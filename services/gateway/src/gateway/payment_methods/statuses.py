"""Statuses of saved methods."""

from typing import Literal

SavedMethodStatus = Literal["pending", "requires_action", "active", "failed"]
