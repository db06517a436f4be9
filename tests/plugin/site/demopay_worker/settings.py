"""Settings of DemoPay's worker."""

from pydantic import Field

from cift_shared.settings import EnvironmentSettings, ServiceSettings, load_settings


class DemoPayConfig(EnvironmentSettings):
    """The settings for calls to DemoPay."""

    api_base: str = Field(validation_alias="DEMOPAY_API_BASE")
    float_least: str = Field(default="", validation_alias="DEMOPOLL_FLOAT_LEAST")
    signer: str = Field(default="", validation_alias="DEMOPOLL_SIGNER")
    """The address of DemoPoll's signer; empty: transfers are not signed."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")


class WorkerSettings(ServiceSettings):
    """The settings of the worker's process."""

    concurrency: int = 10


def load_config() -> DemoPayConfig:
    """The entry point `cift.processor_configs`."""
    return load_settings(DemoPayConfig)
