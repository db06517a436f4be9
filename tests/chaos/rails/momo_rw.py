"""MTN MoMo Rwanda in chaos schedules."""

from momo_method.countries import RWANDA
from tests.chaos.rails.mtn import traffic_of

TRAFFIC = traffic_of(RWANDA, (2_000, 20_000))
