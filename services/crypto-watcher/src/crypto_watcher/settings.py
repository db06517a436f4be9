"""Settings of the crypto watcher's process."""

from pydantic import Field

from cift_shared.settings import ServiceSettings


class WorkerSettings(ServiceSettings):
    """What the process needs, whatever chains it watches."""

    concurrency: int = Field(
        default=32, ge=1, le=1000, validation_alias="CIFT_CRYPTO_WATCHER_CONCURRENCY"
    )
    """Maximum attempts in work, for each loop of a chain."""
