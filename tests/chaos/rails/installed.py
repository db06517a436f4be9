"""The traffic of every installed rail.

A rail's traffic is `TRAFFIC` in `tests.chaos.rails.<rail>`. A rail that is not part of the project
has it in the package that the variable CIFT_CHAOS_RAILS names.
"""

import importlib
import importlib.util
import os
from collections.abc import Mapping

from cift_shared.rails.local import local_rails
from tests.chaos.rails.traffic import RailTraffic

MORE = "CIFT_CHAOS_RAILS"


class TrafficMissing(Exception):
    """An installed rail has no traffic: no schedule would use it."""


def _traffic_of(rail: str) -> RailTraffic:
    packages = ("tests.chaos.rails", *filter(None, [os.environ.get(MORE)]))
    for name in (f"{package}.{rail}" for package in packages):
        if importlib.util.find_spec(name) is not None:
            traffic: RailTraffic = importlib.import_module(name).TRAFFIC
            return traffic
    raise TrafficMissing(f"no module {rail} in {' or '.join(packages)}")


TRAFFIC: Mapping[str, RailTraffic] = {rail: _traffic_of(rail) for rail in local_rails()}
"""By rail, in the order of the workers' ports."""
