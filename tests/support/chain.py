"""The canonical text of a transaction once more, from its description alone."""

import hashlib
import json
from datetime import UTC
from typing import Any


async def canonical_digest(connection: Any, tx_id: int) -> bytes:
    """The digest of a transaction, from its rows."""
    tx = await connection.fetchrow("select * from ledger.ledger_tx where tx_id = $1", tx_id)
    entries = await connection.fetch(
        """select a.tenant, a.code, e.currency, e.amount, e.balance_after, e.account_version
           from ledger.entry e join ledger.account a using (account_id)
           where e.tx_id = $1 order by e.seq""",
        tx_id,
    )
    at = tx["effective_at"].astimezone(UTC)
    text = json.dumps(
        [
            tx["kind"],
            tx["ref"],
            str(tx["payment_id"]) if tx["payment_id"] else None,
            at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            [
                [
                    row["tenant"],
                    row["code"],
                    row["currency"],
                    *(
                        str(int(row[name]))
                        for name in ("amount", "balance_after", "account_version")
                    ),
                ]
                for row in entries
            ],
        ],
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).digest()
