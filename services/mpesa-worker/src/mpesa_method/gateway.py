"""M-Pesa in the gateway (entry point `cift.gateway`)."""

from cift_shared.rails.gateway import GatewayRail
from mpesa_method.settings import MpesaSettings
from mpesa_method.webhooks import CALLBACKS, GENERAL

GATEWAY = GatewayRail(settings=MpesaSettings, webhooks=(CALLBACKS, GENERAL))
