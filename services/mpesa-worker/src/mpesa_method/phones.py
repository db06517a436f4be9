"""Phone numbers of Kenya, in the canonical form that Daraja accepts: "254712345678"."""

import re

from cift_shared.rails.phone_numbers import PhonePlan

KENYA = PhonePlan(country="KE", mobile=re.compile(r"[17][0-9]{8}"))
"""Mobile numbers: Communications Authority of Kenya, ranges 07 and 01."""
