"""Phone numbers of Uganda and Rwanda, in the form that MTN accepts: digits with country code.

Numbers move between operators, so no number is refused for its operator: MTN itself says whether a
number has a wallet.
"""

import re

from cift_shared.rails.phone_numbers import PhonePlan
from momo_method.countries import RWANDA, UGANDA, Country

PLANS = {
    # Source: Uganda Communications Commission, numbering plan: mobile numbers begin with 3 or 7.
    UGANDA.code: PhonePlan(country="UG", mobile=re.compile(r"[37][0-9]{8}")),
    # Source: Rwanda Utilities Regulatory Authority, numbering plan: 072, 073, 078 and 079.
    RWANDA.code: PhonePlan(country="RW", mobile=re.compile(r"7[2389][0-9]{7}")),
}


def is_msisdn(number: str, country: Country) -> bool:
    """True for a mobile number of the country in canonical form."""
    code, national = country.calling_code, number.removeprefix(country.calling_code)
    is_mobile = PLANS[country.code].mobile.fullmatch(national) is not None
    return number.startswith(code) and number.isascii() and is_mobile
