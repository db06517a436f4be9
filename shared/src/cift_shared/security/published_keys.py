"""Published credentials: in our documents or in our twin's defaults.

A rail adds those of its provider. Anyone who knows one could sign a webhook or log in, so in live
mode none of them is accepted. A test (`tests/contract/test_published.py`) searches our documents
for them.
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
    }
)


def refuse_published(
    name: str, values: Iterable[str | None], also: frozenset[str] = frozenset()
) -> None:
    """Refuse published credentials in a setting; call it in live mode.

    Args:
        name: of the setting.
        values: that the setting has.
        also: what the rail's provider has published.

    Raises:
        SettingsInvalid: names the setting, never the value.
    """
    if (PUBLISHED | also).intersection(values):
        raise SettingsInvalid(
            f"{name}: a published value, for tests only; use your own value in live mode"
        )
