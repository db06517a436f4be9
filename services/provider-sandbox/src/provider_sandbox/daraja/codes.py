"""Result codes and their texts; callback and query use different texts for the same code.

Sources: Daraja documentation, "Result codes" of M-Pesa Express, B2C and Reversal. The texts that
differ come from dated sandbox observations.
"""

IN_FLIGHT = "4999"
SUCCESS_TEXT = "The service request is processed successfully."

_STK_TEXTS = {
    "0": (SUCCESS_TEXT, "The service request has been accepted successfully"),
    "1": (
        "The balance is insufficient for the transaction.",
        "The balance is insufficient for the transaction",
    ),
    "17": ("Rule limited.", "System internal error."),
    "26": ("System busy. The service request is rejected.", "Traffic blocking condition in place."),
    "1001": (
        "Unable to lock subscriber, a transaction is already in process for the current subscriber",
        "Subscriber is locked",
    ),
    "1019": ("Transaction has expired", "Transaction expired before processing"),
    "1025": (
        "An error occurred while sending a push request",
        "Error sending push request",
    ),
    "1032": ("Request Cancelled by user.", "Request cancelled by user"),
    "1037": ("DS timeout user cannot be reached", "No response from user."),
    "2001": ("The initiator information is invalid.", "Wrong PIN entered"),
    "2028": (
        "The request is not permitted according to product assignment.",
        "Not permitted according to product assignment",
    ),
    "8006": ("The security credential is locked.", "PIN is locked"),
    "SFC_IC0003": ("The operator does not exist.", "Operator does not exist"),
}

_RESULT_TEXTS = {
    "0": SUCCESS_TEXT,
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "17": "System internal error.",
    "25": "The transaction identifier or a parameter is invalid.",
    "2001": "The initiator information is invalid.",
    "2028": "The request is not permitted according to product assignment.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer) can't be supported "
    "by the service.",
    "8006": "The security credential is locked.",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
    "SFC_IC0003": "The operator does not exist.",
    "100000001": "The request expired in the queue of an overloaded system.",
}


def stk_callback_text(code: str) -> str:
    """``ResultDesc`` of an STK callback."""
    return _STK_TEXTS[code][0]


def stk_query_text(code: str) -> str:
    """``ResultDesc`` of an STK query."""
    return _STK_TEXTS[code][1]


def result_text(code: str) -> str:
    """``ResultDesc`` of a payout, status, reversal or balance result."""
    return _RESULT_TEXTS[code]
