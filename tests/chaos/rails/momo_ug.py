"""MTN MoMo Uganda in chaos schedules."""

from momo_method.countries import UGANDA
from tests.chaos.rails.mtn import traffic_of

TRAFFIC = traffic_of(UGANDA, (4_000, 50_000))
