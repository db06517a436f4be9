"""Every change of the statements by which the other workers send no payout twice."""

from tests.mutation.sql_changes import every

_PLACES = "_STORE _PLACES _MEMBERS _BEGIN_SEND _SEND_ALONE _SET_FREE _LEAVE _CLOSE"
_TESTS = ("tests/integration/paypal_worker/test_payout_places.py",)

PLACED = [
    one
    for name in _PLACES.split()
    for one in every(f"query paypal_worker.payout_places.{name}", *_TESTS)
]
