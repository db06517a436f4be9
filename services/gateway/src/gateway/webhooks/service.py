"""Process a notice: evidence -> seal -> store with its message -> acknowledge.

The rail's reader has read the evidence (`intake.py`); the worker verifies the notice by querying
the provider.
"""

from dataclasses import dataclass, replace

from cift_shared.clock import Clock
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.messages import ProviderNotice
from cift_shared.messaging.outbox import Relay
from cift_shared.networks import Address
from cift_shared.observability.log import get_logger
from cift_shared.rails.webhooks import Evidence
from cift_shared.security.field_encryption import Vault
from gateway.database.outbox import SOURCE
from gateway.http.client_address import UNKNOWN
from gateway.webhooks.repository import Notice, NoticeRepository

log = get_logger()


@dataclass(slots=True, eq=False)
class Webhooks:
    """Stores providers' notices and publishes them to the workers."""

    repository: NoticeRepository
    relay: Relay
    vault: Vault
    clock: Clock

    async def take(
        self, provider: str, evidence: Evidence, body: bytes, source: Address | None
    ) -> None:
        """Store a notice, sealed, with its message; a repeat changes nothing."""
        notice = self._sealed(provider, evidence, body, source)
        new = await self.repository.take(notice)
        log.info(
            "gateway.notice.taken",
            notice_id=notice.content.notice_id,
            source=notice.source,
            new=new,
            **evidence.logged,
        )
        if new and not notice.quarantined:
            self.relay.wake()

    def _sealed(
        self, provider: str, evidence: Evidence, body: bytes, source: Address | None
    ) -> Notice:
        now, address = self.clock.now(), evidence.address
        content = ProviderNotice(
            notice_id=self.vault.fingerprint(evidence.dedupe, context="notice"),
            provider=provider,
            attempt_id=address.attempt_id if address else None,
            purpose=address.purpose if address else None,
            sealed_body=self.vault.seal(
                body if evidence.content is None else evidence.content, context="notice"
            ),
            source_listed=evidence.source_listed,
            received_at=now,
        )
        message = outgoing(topics.webhooks(provider), content, source=SOURCE, at=now)
        if evidence.subject is not None:
            message = replace(message, key=evidence.subject)
        return Notice(
            content=content,
            source=str(source or UNKNOWN),
            quarantined=evidence.quarantined,
            message=message,
        )
