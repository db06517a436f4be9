"""Phone numbers of Tanzania, in the canonical form that Vodacom accepts: "255754123456"."""

import re

from cift_shared.rails.phone_numbers import PhonePlan
from vodacom_method.rail import COUNTRY

TANZANIA = PhonePlan(country=COUNTRY, mobile=re.compile(r"[67][0-9]{8}"))
"""Mobile numbers: Tanzania Communications Regulatory Authority, ranges 06 and 07."""
