"""Request bodies and query parameters of payment methods; the rails define their fields."""

from typing import TYPE_CHECKING, Any

from pydantic import create_model

from cift_shared.rails.instruments import merge_fields
from gateway.http.fields import BodyId, CustomerId, MethodName
from gateway.http.query import PageQuery
from gateway.http.requests import Body
from gateway.payment_methods.kinds import kinds, savings
from gateway.payment_methods.statuses import SavedMethodStatus


class _ChosenMethod(Body):
    id: BodyId | None = None
    """A saved method, instead of a new one."""

    def fields(self) -> dict[str, Any]:
        """The fields of the request, without the id of a saved method."""
        return self.model_dump(exclude_unset=True, exclude={"id"})


class _MethodToSave(Body):
    method: MethodName
    """The payment method."""
    customer_id: CustomerId
    """Your own id of the customer."""

    def fields(self) -> dict[str, Any]:
        """The fields of the request that its rail defines."""
        return self.model_dump(exclude_unset=True, exclude={"method", "customer_id"})


if TYPE_CHECKING:

    class PaymentMethodIn(_ChosenMethod):
        """The fields are those that the rails accept."""

    class SavedMethodIn(_MethodToSave):
        """The fields are those that the rails accept."""

else:
    PaymentMethodIn = create_model(
        "PaymentMethodIn",
        __base__=_ChosenMethod,
        __module__=__name__,
        __doc__="Where the money comes from or goes to: a new instrument, or a saved method.",
        **merge_fields([kind.accepts for kind in kinds().values()]),
    )
    SavedMethodIn = create_model(
        "SavedMethodIn",
        __base__=_MethodToSave,
        __module__=__name__,
        __doc__="An instrument to save for a customer; its fields depend on the method.",
        **merge_fields([saving.accepts for saving in savings()]),
    )


class SavedMethodsQuery(PageQuery):
    """Which saved methods to list, newest first."""

    customer_id: CustomerId | None = None
    """Saved methods of this customer."""
    method: MethodName | None = None
    """Saved methods of this payment method."""
    status: SavedMethodStatus | None = None
    """Saved methods that have this status now."""
