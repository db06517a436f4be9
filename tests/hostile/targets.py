"""Everything that reads bytes of strangers: how it is called, what is right, and true samples.

The property of each: it answers a value or raises its one documented error, and nothing else.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from eth_keyfile.keyfile import create_keyfile_json
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from bitcoin_method.address_text import is_address, shortened
from bitcoin_watcher.blocks import BlockInvalid
from bitcoin_watcher.scanner import scan_block, scan_transaction
from bitcoin_watcher.spending import TransactionInvalid, parse
from card_method.events import read_event
from card_method.signature import SignatureInvalid, verify
from card_worker import wire as stripe_wire
from card_worker.notices import find_attempt, is_known
from cift_shared.errors import InvalidCommand, SealBroken
from cift_shared.http.untrusted_json import read_object
from cift_shared.ids import AttemptId
from cift_shared.kafka import Record, RejectedRecord
from cift_shared.kafka.subscriber import _record
from cift_shared.messaging.dead_letters import dead_letter
from cift_shared.messaging.messages import COMMANDS, MethodResult, ProviderNotice
from cift_shared.money.amount import Money, parse_money
from cift_shared.observability.log import mask
from cift_shared.rails.statements import StatementUnreadable
from cift_shared.rails.webhooks import WebhookRefused
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.testing import FakeClock
from ethereum_method import address_text
from ethereum_watcher.ether_transfers import Transfer, TransferInvalid, unsigned_bytes
from ethereum_watcher.ether_transfers import parse as parse_transfer
from ethereum_watcher.explorer_rules import Claim, Doubt, doubt_of
from ethereum_watcher.explorer_wire import RECEIPT, TRANSACTION, read_result
from ethereum_watcher.explorer_wire import AnswerUnusable as ExplorerUnusable
from ethereum_watcher.scanner import BlockInvalid as EthereumBlockInvalid
from ethereum_watcher.scanner import concerned
from ethereum_watcher.token_transfers import TOPIC, concerned_logs, read_transfer, transfers_from
from ethereum_watcher.wire import Block as EthereumBlock
from ethereum_watcher.wire import Log as EthereumLog
from ethereum_watcher.wire import Receipt as EthereumReceipt
from exchange_rates.sources import SOURCES
from exchange_rates.wire import AnswerUnusable
from gateway.auth import key_format
from gateway.http import cursors, prefer_wait
from gateway.http.batches import read_item
from gateway.http.client_address import _address
from gateway.http.json_body import parse_json, read_json
from gateway.http.opaque_ids import OpaqueIds
from gateway.idempotency import header
from gateway.payments.requests import PaymentItemIn
from gateway.problems.problem import Problem
from ledger.posting.consumer import decode
from momo_worker import mapping as momo_mapping
from momo_worker import statement as momo_statement
from momo_worker import wire as momo_wire
from momo_worker.codes import COLLECTION_REASONS
from mpesa_method import phones
from mpesa_method.purposes import Purpose
from mpesa_worker import mapping, statement
from mpesa_worker import wire as daraja_wire
from paypal_method.events import read_event as read_paypal_event
from paypal_method.transmission import CertificateAddresses, Transmission, Unproven
from paypal_worker.certificates import Trust
from paypal_worker.notices import event_in
from tests.support import bitcoin_chain, cards, mpesa, paypal_signing, vodacom
from tests.support.commands import VAULT
from vodacom_method.webhooks import acknowledgement
from vodacom_worker import domain as vodacom_domain
from vodacom_worker import mapping as vodacom_mapping
from vodacom_worker import wire as vodacom_wire
from wallet_keys import seed_file
from wallet_keys.envelope import Passphrase, WalletUnusable
from wallet_keys.keystore import read_keystore

CORPUS = Path(__file__).parent / "corpus"
GOLDEN = Path(__file__).parents[1] / "contract" / "cift_shared" / "golden"
TEXT_BYTES_MAX = 10_000

TOKENS = CallbackTokens(b"c" * 32)
ATTEMPT = AttemptId(UUID("0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a01"))
SECRET = "whsec_test"


@dataclass(frozen=True, slots=True)
class Target:
    """One reader."""

    read: Callable[[bytes], Any]
    """Reads, and checks what it got."""
    refuses_with: tuple[type[Exception], ...] = ()
    """How it says no."""
    samples: tuple[bytes, ...] = (b"",)
    """What it was made for."""

    def holds_for(self, data: bytes) -> bool:
        """True when it took the data; any error but its own goes on."""
        try:
            self.read(data)
        except self.refuses_with:
            return False
        return True


def _text(data: bytes) -> str:
    """Any text: bytes that are no UTF-8 become half characters, as in HTTP headers and argv."""
    return data[:TEXT_BYTES_MAX].decode("utf-8", errors="surrogateescape")


def _signature(data: bytes) -> None:
    header, _, body = data.partition(b"\n")
    # a server hands header bytes on as Latin-1
    verify(body, header.decode("latin-1"), [SECRET], now_s=1_767_000_000)
    raise AssertionError("nobody can have signed this")


def _token(data: bytes) -> None:
    text = _text(data)
    address = TOKENS.read(text)
    if address is not None:
        assert text == TOKENS.make(address.attempt_id, address.purpose)


def _stk(data: bytes) -> None:
    callback = daraja_wire.read_stk_callback(data)
    if callback is None:
        return
    _keepable(callback.checkout_id, callback.merchant_request_id, callback.code)
    mapping.money_of(callback.item("Amount"))
    mapping.time_of(callback.item("TransactionDate"))
    str(callback.item("PhoneNumber"))


def _result(data: bytes) -> None:
    result = daraja_wire.read_result(data)
    if result is None:
        return
    _keepable(result.originator_id, result.conversation_id, result.transaction_id, result.code)
    for name in ("TransactionAmount", "Amount", "Charge"):
        mapping.money_of(result.parameter(name))
    mapping.fee_of(result.parameter("DebitPartyCharges"))
    mapping.time_of(result.parameter("TransactionCompletedDateTime"))


def _vodacom_notice(data: bytes) -> None:
    acknowledgement(data)
    notice = vodacom_wire.read_notice(data)
    if notice is None:
        return
    _keepable(notice.key, notice.code, notice.conversation_id, notice.transaction_id)
    found = vodacom_domain.attempt_of(notice.key)
    assert found is None or isinstance(found, UUID)


def _vodacom_answer(data: bytes) -> None:
    body = read_object(data)
    reply = vodacom_mapping.reply_of(200, body, key="0" * 32)
    _keepable(reply.code, reply.transaction_id, reply.conversation_id)
    status = vodacom_mapping.status_of(reply, body)
    _keepable(status.word, status.code, status.receipt)


def _stripe_event(data: bytes) -> None:
    event = stripe_wire.Event.read(data)
    if event is None:
        return
    is_known(event)
    found = find_attempt(event, lambda ref: VAULT.fingerprint(ref.encode(), context="x"))
    assert found is None or isinstance(found, UUID | str)


def _gateway_event(data: bytes) -> None:
    event = read_event(data, livemode=False)
    assert 0 < len(event.event_id) <= 255
    assert 0 < len(event.subject) <= 255
    _keepable(event.event_id, event.subject)


def _mtn_status(data: bytes) -> None:
    document = read_object(data)
    if document is None:
        return
    state = momo_wire.Status.model_validate(document)
    asked = momo_mapping.Asked(
        amount=Money(20_000, "UGX"), wire_currency="UGX", external_id="1", party="256772000777"
    )
    momo_mapping.outcome_of(asked, state, COLLECTION_REASONS)
    momo_mapping.is_listed(state, COLLECTION_REASONS)


_MTN_EXPORT = (
    b"Id,External id,Date,Status,Type,Amount,Currency,Fee,Currency\n"
    b"15,a-1,2026-11-29 18:04:05,Successful,Payment,20000,UGX,0,UGX\n"
)


def _mtn_statement(data: bytes) -> None:
    for line in momo_statement.UGANDA.read(data).lines:
        assert isinstance(line.gross, int)
        assert line.at.tzinfo is not None
        _keepable(line.external_id, *line.references, *line.hints)


def _bitcoin_block(data: bytes) -> None:
    for hit in scan_block(data, {bitcoin_chain.FOREIGN}):
        assert 0 <= hit.satoshi <= 21 * 10**14


def _bitcoin_transaction(data: bytes) -> None:
    txid, _ = scan_transaction(data, {bitcoin_chain.FOREIGN})
    assert len(txid) == 64


def _ethereum_block(data: bytes) -> None:
    block = EthereumBlock.model_validate_json(data)
    for one in concerned(block, {_FOREIGN_ACCOUNT}):
        assert 0 <= one.value < 2**256
        assert len(one.hash) == 66


def _ethereum_logs(data: bytes) -> None:
    log = EthereumLog.model_validate_json(data)
    moved = read_transfer(log)
    if moved is not None:
        assert 0 <= moved.amount < 10**38
        assert len(moved.sender) == len(moved.recipient) == 20
    block = EthereumBlock.model_validate(_ETHEREUM_BLOCK)
    for one in concerned_logs(block, [log], {log.contract: "USDC"}, {_FOREIGN_ACCOUNT}):
        assert one == log


def _ethereum_receipt(data: bytes) -> None:
    receipt = EthereumReceipt.model_validate_json(data)
    assert 0 <= receipt.gas_used * receipt.gas_price < 2**512
    assert isinstance(receipt.succeeded, bool)
    for log in receipt.logs:
        for one in transfers_from(_FOREIGN_ACCOUNT, log.contract, receipt):
            assert 0 <= one.amount < 10**38


def _explorer(kind: TypeAdapter[Any]) -> Callable[[bytes], None]:
    claim = Claim(_ETHEREUM_HASH, 0, "0x" + "cd" * 32, 7, _FOREIGN_ACCOUNT, 5)

    def read(data: bytes) -> None:
        found = read_result(kind, read_object(data))
        given = (found, None) if kind is RECEIPT else (None, found)
        for contract in (None, _FOREIGN_ACCOUNT):
            assert doubt_of(replace(claim, contract=contract), 7, *given) in {None, *Doubt}

    return read


def _market(name: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        price = SOURCES[name].price(read_object(data), "BTC")
        assert 0 < price < 10**12
        assert str(price) == f"{price:f}"

    return read


def _bitcoin_address(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    if is_address(text):
        assert text.isascii()
        assert len(shortened(text)) == len("bc1qcr8t…306fyu")
    else:
        raise _Refused


def _bitcoin_to_sign(data: bytes) -> None:
    transaction = parse(data)
    assert len(transaction.txid) == 64
    assert all(one.satoshi >= 0 for one in transaction.outputs)


def _ether_address(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    if not address_text.is_address(text):
        raise _Refused
    assert text.isascii()
    assert len(address_text.shortened(text)) == len("0x9858Ef…aEda94")


def _ether_to_sign(data: bytes) -> None:
    transfer = parse_transfer(data)
    assert unsigned_bytes(transfer) == data
    assert len(transfer.account) == 20
    assert transfer.contract is None or len(transfer.contract) == 20


def _keystore(data: bytes) -> None:
    assert read_keystore(data, "the passphrase").private == bytes(range(1, 33))


def _wallet_file(data: bytes) -> None:
    seed = seed_file.unseal(data, Passphrase("the passphrase"), "regtest")
    assert bytes(seed.entropy) == bytes(32)


def _paypal_event(data: bytes) -> None:
    event = read_paypal_event(data)
    if event is None:
        raise _Refused
    assert 0 < len(event.event_id) <= 100
    references = event.references
    _keepable(event.event_id, event.type, references.first, *references.provider)
    assert all(isinstance(found, UUID) for found in references.attempts)


_ADDRESSES = CertificateAddresses.of("sandbox", None)


def _paypal_transmission(data: bytes) -> None:
    transmission = Transmission.unpacked(data)
    event_in(data)
    if transmission is None:
        raise _Refused
    transmission.check(_ADDRESSES)


_FOREIGN_ACCOUNT = bytes(19) + b"\x09"
_ETHEREUM_HASH = "0x" + "ab" * 32
_ETHEREUM_BLOCK = {
    "hash": _ETHEREUM_HASH,
    "number": "0x10",
    "parentHash": "0x" + "cd" * 32,
    "transactions": [
        {
            "hash": "0x" + "ef" * 32,
            "blockHash": _ETHEREUM_HASH,
            "from": "0x" + "11" * 20,
            "to": f"0x{_FOREIGN_ACCOUNT.hex()}",
            "nonce": "0x7",
            "value": "0xde0b6b3a7640000",
        }
    ],
    "logsBloom": "0x" + "ff" * 256,
}
_ETHEREUM_LOG = {
    "address": "0x" + "12" * 20,
    "topics": [TOPIC, f"0x{'11' * 20:0>64}", f"0x{_FOREIGN_ACCOUNT.hex():0>64}"],
    "data": f"0x{25_000_000:064x}",
    "transactionHash": "0x" + "ef" * 32,
    "blockHash": _ETHEREUM_HASH,
    "logIndex": "0x3",
    "removed": False,
}
_ETHEREUM_RECEIPT = {
    "transactionHash": _ETHEREUM_HASH,
    "blockHash": "0x" + "cd" * 32,
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x3b9aca00",
    "logs": [_ETHEREUM_LOG],
}
_EXPLORER_TRANSACTION = {
    "hash": _ETHEREUM_HASH,
    "blockHash": "0x" + "cd" * 32,
    "to": "0x" + "33" * 20,
    "value": "0x5",
}
_TRANSFER = unsigned_bytes(
    Transfer(
        chain_id=1, nonce=7, tip=1, max_fee=9, gas=21_000, account=_FOREIGN_ACCOUNT, wei=10**18
    )
)
_TOKEN_TRANSFER = unsigned_bytes(replace(parse_transfer(_TRANSFER), contract=_FOREIGN_ACCOUNT))
_TX = bitcoin_chain.Tx((bitcoin_chain.FOREIGN, 5), (b"\x51", 7), inputs=2)
_KEYSTORE = create_keyfile_json(bytes(range(1, 33)), b"the passphrase", iterations=1)
_WALLET = seed_file.seal(
    seed_file.Seed("regtest", "0" * 16, bytearray(32)), Passphrase("the passphrase", cost=2**14)
)
_TRUST = Trust.of("live", None)


def _paypal_certificate(data: bytes) -> None:
    _TRUST.check(data, paypal_signing.NOW)
    raise AssertionError("nobody can have this certificate")


def _notice(data: bytes) -> None:
    notice = ProviderNotice.model_validate_json(data)
    VAULT.open(notice.sealed_body, context="notice")


def _envelope(data: bytes) -> None:
    """Key, headers and body of a record in three lines; what is set aside can leave."""
    parts = [*data.split(b"\n", 2), b"", b""]
    headers = [
        (_text(part).encode("utf-8", "replace").decode(), part) for part in parts[1].split(b";")
    ]
    record = _record(_Raw(parts[0] or None, parts[2] or None, headers))
    _keepable(record.key, *record.headers, *record.headers.values())
    answer = decode(record)
    letter = dead_letter(
        RejectedRecord(record, "undecodable", "x"), group="g", at=FakeClock().now()
    )
    json.dumps(dict(letter.headers)).encode()
    assert isinstance(answer, RejectedRecord) or answer.payment_id


@dataclass
class _Raw:
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    topic: str = "t"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


def _refused_or_result(data: bytes) -> None:
    answer = decode(Record("payments.results", 0, 0, None, data))
    if isinstance(answer, RejectedRecord):
        raise _Refused


class _Refused(Exception):
    pass


def _statement(data: bytes) -> None:
    found = statement.read(data)
    for line in found.lines:
        assert isinstance(line.gross, int)
        assert line.at.tzinfo is not None


def _phone(data: bytes) -> None:
    number = phones.KENYA.normalised(_text(data), "KE")
    assert number.isascii()
    assert len(number) == 12


def _amount(data: bytes) -> None:
    amount, _, currency = _text(data).partition(" ")
    money = parse_money(amount, currency)
    assert money.minor > 0
    assert parse_money(money.text, currency) == money


def _shillings(data: bytes) -> None:
    money = mapping.money_of(_text(data))
    assert money is None or money.minor >= 0
    fee = mapping.fee_of(_text(data))
    assert fee is None or fee.minor >= 0


_IDS = OpaqueIds(VAULT)


def _cursor(data: bytes) -> None:
    text, refused = _text(data), 0
    readers = (cursors.read_time_cursor, cursors.read_name_cursor)
    for read in readers:
        try:
            found = read(text)
        except Problem:
            refused += 1
            continue
        assert found is not None
        assert read(found.text()) == found
    if refused == len(readers):
        cursors.read_entry_cursor(text, _IDS)


def _api_key(data: bytes) -> None:
    found = key_format.read_key(_text(data))
    assert found is None or str(found) == _text(data)


def _masked(data: bytes) -> None:
    mask(_text(data))


def _error_body(data: bytes) -> None:
    for status in (200, 400, 500):
        error = mapping.error_in(status, read_object(data))
        if error is not None:
            assert len(error.text) <= mapping.MESSAGE_CHARS_MAX
            mapping.exception_of(error)


def _answer(kind: Any) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        document = read_object(data)
        if document is not None:
            kind.model_validate(document)

    return read


def _keepable(*texts: str | None) -> None:
    """PostgreSQL can hold it, and UTF-8 can carry it."""
    for text in texts:
        assert "\0" not in (text or "").encode().decode()


def _dump(*documents: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(document).encode() for document in documents)


def _answered(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def _golden(prefix: str) -> tuple[bytes, ...]:
    found = [json.loads(path.read_bytes()) for path in sorted(GOLDEN.glob(f"{prefix}*.json"))]
    return _dump(*(message["body"] for message in found))


_PARAMETERS: Mapping[str, object] = {
    "TransactionAmount": 100,
    "TransactionReceipt": mpesa.RECEIPT,
    "TransactionCompletedDateTime": "05.01.2026 12:00:00",
    "DebitPartyCharges": "Fee For B2C Payment|KES|22.40",
    "Charge": 0,
}
_NOTICES = tuple(
    notice.replace(b'"k1.AAAA"', json.dumps(VAULT.seal(b"{}", context="notice")).encode())
    for notice in _golden("provider_notice")
)
_STATEMENT = (
    b"Organization Statement\nReceipt No.,Completion Time,Details,Transaction Status,Paid In,"
    b"Withdrawn,Balance\nUKN4AAAA02,2026-11-23 14:06:06,Business Payment to 254700,Completed,,"
    b'-400.00,600.00\nUKN4AAAA01,2026-11-23 14:05:06,Pay Bill from 254700,Completed,"1,000.00",,'
    b'"1,000.00"\n'
)

TARGETS: dict[str, Target] = {
    "stripe signature": Target(
        _signature, (SignatureInvalid,), (b"t=1767000000,v1=" + b"a" * 64 + b',v0=b\n{"id":"e"}',)
    ),
    "stripe event at the gateway": Target(
        _gateway_event,
        (WebhookRefused,),
        _dump(cards.event("payment_intent.succeeded", cards.intent())),
    ),
    "stripe event at the worker": Target(
        _stripe_event,
        (),
        _dump(
            cards.event("payment_intent.succeeded", cards.intent("succeeded")),
            cards.event("charge.refunded", cards.charge()),
            cards.event("charge.dispute.created", cards.dispute_object()),
        ),
    ),
    "status of MTN": Target(
        _mtn_status,
        (ValidationError,),
        _dump(
            {
                "amount": "20000",
                "currency": "UGX",
                "externalId": "1",
                "status": "SUCCESSFUL",
                "financialTransactionId": "15",
                "payer": {"partyId": "256772000777"},
            },
            {"status": "FAILED", "reason": {"code": "EXPIRED", "message": "x"}},
        ),
    ),
    "statement of MTN": Target(
        _mtn_statement,
        (StatementUnreadable,),
        (_MTN_EXPORT,),
    ),
    "block of Bitcoin": Target(
        _bitcoin_block, (BlockInvalid,), (bitcoin_chain.block("00" * 32, [_TX])[1],)
    ),
    "transaction of Bitcoin": Target(_bitcoin_transaction, (BlockInvalid,), (_TX.raw, _TX.bare)),
    "block of Ethereum": Target(
        _ethereum_block, (ValidationError, EthereumBlockInvalid), _dump(_ETHEREUM_BLOCK)
    ),
    "log of Ethereum": Target(
        _ethereum_logs, (ValidationError, EthereumBlockInvalid), _dump(_ETHEREUM_LOG)
    ),
    "receipt of Ethereum": Target(_ethereum_receipt, (ValidationError,), _dump(_ETHEREUM_RECEIPT)),
    "receipt of the explorer": Target(
        _explorer(RECEIPT), (ExplorerUnusable,), _dump(_answered(_ETHEREUM_RECEIPT))
    ),
    "transaction of the explorer": Target(
        _explorer(TRANSACTION), (ExplorerUnusable,), _dump(_answered(_EXPLORER_TRANSACTION))
    ),
    "price of Coinbase": Target(
        _market("coinbase"),
        (AnswerUnusable,),
        (b'{"data": {"amount": "95000.015", "base": "BTC", "currency": "USD"}}',),
    ),
    "price of Kraken": Target(
        _market("kraken"),
        (AnswerUnusable,),
        (b'{"error": [], "result": {"XXBTZUSD": {"c": ["95000.1", "0.00067643"]}}}',),
    ),
    "address of Bitcoin": Target(
        _bitcoin_address,
        (_Refused,),
        (b"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ),
    "transaction to sign": Target(_bitcoin_to_sign, (TransactionInvalid,), (_TX.raw, _TX.bare)),
    "address of Ethereum": Target(
        _ether_address, (_Refused,), (b"0x9858EfFD232B4033E47d90003D41EC34EcaEda94",)
    ),
    "transfer to sign": Target(_ether_to_sign, (TransferInvalid,), (_TRANSFER, _TOKEN_TRANSFER)),
    "keystore of Ethereum": Target(_keystore, (WalletUnusable,), _dump(_KEYSTORE)),
    "wallet's file": Target(_wallet_file, (WalletUnusable,), (_WALLET,)),
    "event of PayPal": Target(
        _paypal_event, (_Refused,), (json.dumps(paypal_signing.EVENT).encode(),)
    ),
    "transmission of PayPal": Target(
        _paypal_transmission, (_Refused, Unproven), (paypal_signing.signed().packed(),)
    ),
    "certificate of PayPal": Target(
        _paypal_certificate, (Unproven,), (paypal_signing.leaf().pem, paypal_signing.root().pem)
    ),
    "callback of a push": Target(_stk, (), _dump(mpesa.paid_callback(), mpesa.stk_callback(1032))),
    "result of a payout": Target(
        _result, (), _dump(mpesa.result(0, _PARAMETERS), mpesa.result("2001"))
    ),
    "notice of Vodacom": Target(_vodacom_notice, (), (vodacom.notice("0" * 32),)),
    "answer of Vodacom": Target(
        _vodacom_answer,
        (),
        _dump(
            {
                "output_ResponseCode": "INS-0",
                "output_ResponseTransactionStatus": "Completed",
                "output_OriginalTransactionID": vodacom.RECEIPT,
                "output_ConversationID": "c" * 32,
                "output_ThirdPartyConversationID": "0" * 32,
            },
            {"output_ResponseCode": "INS-2006"},
        ),
    ),
    "error of Daraja": Target(
        _error_body,
        (),
        _dump({"requestId": "1", "errorCode": "500.001.1001", "errorMessage": "busy"}),
    ),
    "token of Daraja": Target(
        _answer(daraja_wire.AccessToken),
        (ValidationError,),
        _dump({"access_token": "abc", "expires_in": "3599"}),
    ),
    "callback token": Target(
        _token, (), tuple(TOKENS.make(ATTEMPT, purpose).encode() for purpose in Purpose)
    ),
    "envelope": Target(
        _envelope,
        (),
        (b"key\nce_id=1;ce_type=x;traceparent=00-a-b-01\n" + _golden("payment_result")[0],),
    ),
    "command": Target(COMMANDS.validate_json, (ValidationError,), _golden("request_")),
    "result": Target(_refused_or_result, (_Refused,), _golden("payment_result")),
    "result about a card": Target(
        MethodResult.model_validate_json, (ValidationError,), _golden("method_result")
    ),
    "notice": Target(_notice, (ValidationError, SealBroken), _NOTICES),
    "statement": Target(_statement, (StatementUnreadable,), (_STATEMENT,)),
    "phone": Target(_phone, (InvalidCommand,), (b"+254 712-345 678", b"0712345678")),
    "amount": Target(_amount, (InvalidCommand,), (b"100.00 KES", b"0.1 USD", b"5 JPY")),
    "amount of Daraja": Target(_shillings, (), (b"1,000.00", b"Fee|KES|22.40&Levy|KES|1.00")),
    "cursor": Target(
        _cursor,
        (Problem,),
        (
            *(
                base64.urlsafe_b64encode(part).rstrip(b"=")
                for part in (
                    b'["2026-01-05T09:00:00+00:00","0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a01"]',
                    b'["2026-01-05T09:00:00+00:00","m_acme"]',
                )
            ),
            _IDS.of("entry", 17).encode(),
        ),
    ),
    "api key": Target(_api_key, (), (str(key_format.new_key("test")).encode(),)),
    "body of a request": Target(
        read_json, (Problem,), _dump({"amount": "100.00", "payment_method": {"phone": "07"}})
    ),
    "item of a batch": Target(
        lambda data: read_item(PaymentItemIn, parse_json(data)),
        (Problem, RequestValidationError),
        _dump(
            {
                "type": "deposit",
                "method": "mpesa",
                "amount": "100.00",
                "currency": "KES",
                "customer_id": "c_1",
                "payment_method": {"phone": "0712345678"},
                "idempotency_key": "k",
            }
        ),
    ),
    "idempotency key": Target(
        lambda data: header.read_key([data.decode("latin-1")]), (Problem,), (b"a", b'"a\\"b"')
    ),
    "prefer": Target(
        lambda data: prefer_wait.preferred_wait_s([data.decode("latin-1")]),
        (),
        (b"wait=10, x;y=1",),
    ),
    "forwarded for": Target(
        lambda data: _address(_text(data)), (), (b"::ffff:1.2.3.4", b"1.2.3.4")
    ),
    "log mask": Target(_masked, (), (b"254712345149 a@b.co 4242 4242 4242 4242 ws_CO_0511202612",)),
}

__all__ = ["CORPUS", "TARGETS", "Target"]
