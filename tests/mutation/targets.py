"""Which modules hold money rules, and which tests, free of databases, must hold them.

A new package joins by lines here. Named first are the tests that are about the module itself: they
end most mutants soonest.
"""

from collections.abc import Mapping, Sequence

_SHARED, _CARD, _MPESA, _MOMO, _PAYPAL, _CRYPTO, _WALLET, _SIGNER, _VODACOM = (
    "tests/unit/cift_shared",
    "tests/unit/card_worker",
    "tests/unit/mpesa_worker",
    "tests/unit/momo_worker",
    "tests/unit/paypal_worker",
    "tests/unit/crypto_watcher",
    "tests/unit/wallet_keys",
    "tests/unit/crypto_signer",
    "tests/unit/vodacom_worker",
)
_GATEWAY, _LEDGER = "tests/unit/gateway", "tests/unit/ledger"


def _in(folder: str, *names: str) -> list[str]:
    return [f"{folder}/test_{name}.py" for name in names]


_CARD_STEPS = _in(
    _CARD,
    "mapping",
    "context",
    "deposits",
    "refunds",
    "post_settlement",
    "setup_intents",
    "notices",
    "declines",
)
_MPESA_STEPS = _in(
    _MPESA,
    "mapping",
    "codes",
    "notices_kept",
    "payouts",
    "reversals",
    "deposits",
    "context",
    "payout_steps",
    "reversal_steps",
    "push_steps",
)

TARGETS: Mapping[str, Sequence[str]] = {
    "cift_shared.money.amount": _in(_SHARED, "money", "currencies"),
    "cift_shared.money.fees": _in(_SHARED, "fees"),
    "cift_shared.money.rates": _in(_SHARED, "rates"),
    "cift_shared.rails.rail": _in(_SHARED, "rails"),
    "cift_shared.rails.registry": _in(_SHARED, "rails"),
    "card_method.rail": [
        *_in(_SHARED, "rails"),
        *_in(_CARD, "deposit_steps", "post_settlement_steps"),
    ],
    "mpesa_method.rail": [*_in(_SHARED, "rails"), *_in(_MPESA, "processor")],
    "cift_shared.security.field_encryption": _in(_SHARED, "vault"),
    "cift_shared.security.callback_token": _in(_SHARED, "callback_token"),
    "cift_shared.observability.log": _in(_SHARED, "log"),
    "cift_shared.attempts.polling_schedule": [*_in(_CARD, "domain"), *_in(_MPESA, "domain")],
    "cift_shared.attempts.state_machine": _in(_SHARED, "decide", "decide_rules"),
    "cift_shared.attempts.received": _in(_SHARED, "received"),
    "cift_shared.messaging.received": _in(_SHARED, "received"),
    "cift_shared.attempts.results": _in(_SHARED, "decide", "decide_rules", "hints"),
    "cift_shared.attempts.fee_watch": _in(_SHARED, "fee_watch"),
    "gateway.payment_options.availability": _in(_GATEWAY, "availability"),
    "mpesa_method.phones": _in(_MPESA, "phones"),
    "cift_shared.rails.phone_numbers": [*_in(_SHARED, "phone_numbers"), *_in(_MPESA, "phones")],
    "gateway.payment_methods.instrument_resolver": _in(_GATEWAY, "instrument_choice"),
    "gateway.quotes.pricing": _in(_GATEWAY, "pricing"),
    "gateway.idempotency.header": _in(_GATEWAY, "idempotency"),
    "card_method.signature": _in(_CARD, "signature"),
    "ledger.posting.domain": _in(_LEDGER, "domain"),
    "ledger.reconciliation.matching": _in(_LEDGER, "reconciliation"),
    "momo_method.phones": _in(_MOMO, "domain"),
    "momo_method.rail": _in(_MOMO, "domain"),
    "momo_worker.domain": _in(_MOMO, "domain", "mapping"),
    "momo_worker.mapping": _in(_MOMO, "mapping"),
    "momo_worker.codes": _in(_MOMO, "mapping"),
    "momo_worker.settings": _in(_MOMO, "settings"),
    "momo_worker.statement": _in(_MOMO, "statement"),
    "mpesa_worker.domain": _in(_MPESA, "domain"),
    "mpesa_worker.codes": _in(_MPESA, "codes", "mapping"),
    "mpesa_worker.mapping": _MPESA_STEPS,
    "mpesa_worker.stk_notices": _in(_MPESA, "notices_kept", "push_steps", "deposits"),
    "mpesa_worker.receipt_hints": _in(_MPESA, "brought", "unresolved_pushes"),
    "mpesa_worker.context": _in(_MPESA, "context", "payout_steps", "push_steps", "reversals"),
    "mpesa_worker.deposits": _in(_MPESA, "push_steps", "deposits"),
    "mpesa_worker.payouts": _in(_MPESA, "payout_steps", "payouts", "notices_kept"),
    "mpesa_worker.reversals": _in(_MPESA, "reversal_steps", "reversals", "notices_kept"),
    "mpesa_worker.statement": _in(_MPESA, "statement"),
    "mpesa_common.portal": _in(_MPESA, "statement"),
    "vodacom_method.webhooks": _in(_VODACOM, "webhooks"),
    "vodacom_worker.domain": _in(_VODACOM, "domain"),
    "vodacom_worker.codes": _in(_VODACOM, "codes", "mapping", "payment_steps"),
    "vodacom_worker.mapping": _in(_VODACOM, "mapping", "payment_steps"),
    "vodacom_worker.context": _in(_VODACOM, "payment_steps"),
    "vodacom_worker.payments": _in(_VODACOM, "payment_steps"),
    "vodacom_worker.requests": _in(_VODACOM, "payment_steps", "client"),
    "vodacom_worker.payout_pause": _in(_VODACOM, "payment_steps"),
    "card_worker.amounts": _in(_CARD, "amounts"),
    "card_worker.domain": _in(_CARD, "domain", "deposits"),
    "card_worker.declines": _in(_CARD, "decline_tables", "declines"),
    "card_worker.mapping": _CARD_STEPS,
    "card_worker.context": _CARD_STEPS,
    "card_worker.deposits": _in(_CARD, "deposit_steps", "deposits"),
    "card_worker.refunds": _in(_CARD, "refund_steps", "refunds"),
    "bitcoin_watcher.blocks": _in(_CRYPTO, "blocks"),
    "bitcoin_watcher.scanner": _in(_CRYPTO, "scanner", "blocks"),
    "bitcoin_watcher.domain": _in(_CRYPTO, "domain", "settings"),
    "bitcoin_watcher.addresses": _in(_CRYPTO, "addresses", "settings"),
    "bitcoin_watcher.mapping": _in(_CRYPTO, "mapping"),
    "bitcoin_watcher.next_action": _in(_CRYPTO, "mapping"),
    "bitcoin_watcher.sizes": _in(_CRYPTO, "coin_selection", "payout_drafts"),
    "bitcoin_watcher.coin_selection": _in(_CRYPTO, "coin_selection", "payout_drafts"),
    "bitcoin_watcher.payout_drafts": _in(_CRYPTO, "payout_drafts"),
    "bitcoin_watcher.broadcast_codes": _in(_CRYPTO, "broadcast_codes"),
    "bitcoin_watcher.deny_list": _in(_CRYPTO, "deny_list"),
    "bitcoin_method.address_text": _in(_CRYPTO, "address_text"),
    "crypto_signer.policy": _in(_SIGNER, "policy"),
    "crypto_signer.signing": _in(_SIGNER, "signing"),
    "wallet_keys.account": _in(_WALLET, "account"),
    "paypal_method.rail": _in(_PAYPAL, "currencies"),
    "paypal_method.currencies": _in(_PAYPAL, "currencies"),
    "paypal_worker.domain": _in(_PAYPAL, "domain", "deposit_steps"),
    "paypal_worker.mapping": _in(_PAYPAL, "mapping", "deposit_steps", "refund_steps"),
    "paypal_worker.issues": _in(_PAYPAL, "issues", "deposit_steps", "refund_steps"),
    "paypal_worker.context": _in(_PAYPAL, "deposit_steps", "refund_steps"),
    "paypal_worker.deposits": _in(_PAYPAL, "deposit_steps"),
    "paypal_method.accounts": _in(_PAYPAL, "accounts"),
    "paypal_worker.payout_items": _in(_PAYPAL, "payout_items"),
    "paypal_worker.payout_refusals": _in(_PAYPAL, "payout_rules"),
    "paypal_worker.payout_waits": _in(_PAYPAL, "payout_rules"),
    "paypal_worker.payout_wire": _in(_PAYPAL, "payout_rules"),
    "paypal_worker.payout_pause": _in(_PAYPAL, "payout_rules"),
    "paypal_worker.statement": _in(_PAYPAL, "statement"),
    "paypal_worker.refunds": _in(_PAYPAL, "refund_steps"),
    "card_worker.post_settlement": _in(_CARD, "post_settlement_steps", "post_settlement"),
    "paypal_method.transmission": _in(_PAYPAL, "transmission", "webhooks_reader"),
    "paypal_method.events": _in(_PAYPAL, "events"),
    "paypal_worker.webhook_signature": _in(_PAYPAL, "webhook_signature"),
    "paypal_worker.certificates": _in(_PAYPAL, "certificates"),
    "paypal_worker.webhook_verifier": _in(_PAYPAL, "webhook_verifier"),
    "paypal_worker.dispute_mapping": _in(_PAYPAL, "dispute_mapping"),
    "paypal_worker.disputes": _in(_PAYPAL, "dispute_steps"),
}
"""Module to its tests."""

LEAST_PERCENT = 95
"""Of the mutants of each module that are not known to be equivalent, this many must be noticed."""

GATE = ("card_worker.amounts", "cift_shared.security.callback_token")
"""Modules that CI judges each time; the whole of it takes too long."""
