"""Fakes that implement our interfaces, for the tests of every package."""

from cift_shared.testing.clock import FakeClock
from cift_shared.testing.processor import ScriptedProcessor

__all__ = ["FakeClock", "ScriptedProcessor"]
