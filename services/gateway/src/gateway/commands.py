"""The gateway's commands of `cift`: an index; each command is imported when it runs."""

from cift_shared.cli import Lazy

INDEX = (
    Lazy("api-key", "gateway.auth.cli:api_key", "Create, list and revoke API keys."),
    Lazy("recover", "gateway.recovery.cli:recover", "Payments a restored database has forgotten."),
)
"""The entry point `cift.commands`."""
