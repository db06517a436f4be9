"""Cards in the gateway (entry point `cift.gateway`)."""

from card_method.settings import CardSettings
from card_method.webhooks import EVENTS
from cift_shared.rails.gateway import GatewayRail

GATEWAY = GatewayRail(settings=CardSettings, webhooks=(EVENTS,))
