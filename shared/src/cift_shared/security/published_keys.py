"""Published credentials: in our documents, in our twin's defaults or on a provider's pages.

Anyone who knows one could sign a webhook or log in, so in live mode none of them is accepted. A
test (`tests/contract/test_published.py`) searches for our own ones.
"""

from collections.abc import Iterable

from cift_shared.errors import SettingsInvalid

PUBLISHED = frozenset(
    {
        # the twin's defaults and the examples of our documents
        "change-me",
        "pk_test_sandbox",
        "whsec_former",
        "whsec_sandbox",
        # Safaricom's, for all users of the Daraja sandbox; the twin has the same short codes
        "174379",
        "600992",
        "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    }
)


def refuse_published(name: str, values: Iterable[str | None]) -> None:
    """Refuse published credentials in a setting; call it in live mode.

    Raises:
        SettingsInvalid: names the setting, never the value.
    """
    if PUBLISHED.intersection(values):
        raise SettingsInvalid(
            f"{name}: a published value, for tests only; use your own value in live mode"
        )
