"""The commands of `cift` for M-Pesa Tanzania: an index; each is imported when it runs."""

from cift_shared.cli import Lazy

INDEX = (Lazy("vodacom", "vodacom_method.cli:vodacom", "M-Pesa Tanzania (Vodacom)."),)
"""The entry point `cift.commands`."""
