"""Answers and callbacks are read leniently, requests are spelt as Daraja spells them."""

import json
from decimal import Decimal

import pytest

from cift_shared.http.untrusted_json import read_object
from mpesa_worker import wire
from tests.support import mpesa


class TestStkCallback:
    def test_items_are_found_by_name(self) -> None:
        callback = wire.read_stk_callback(json.dumps(mpesa.paid_callback(100.50)).encode())
        assert callback is not None
        assert callback.code == "0"
        assert callback.item("Amount") == Decimal("100.50")
        assert callback.item("MpesaReceiptNumber") == mpesa.RECEIPT
        assert callback.item("Balance") is None
        assert callback.item("Nothing") is None

    @pytest.mark.parametrize("code", [1037, "1037", " 1037 "])
    def test_codes_may_be_numbers_or_text(self, code: object) -> None:
        callback = wire.read_stk_callback(json.dumps(mpesa.stk_callback(code)).encode())
        assert callback is not None
        assert callback.code == "1037"

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b"<html>",
            b'{"Body": null}',
            b'{"Body": {"stkCallback": {}}}',
            b'{"Body": {"stkCallback": {"ResultCode": true}}}',
            b'{"Body": {"stkCallback": {"ResultCode": {}}}}',
            b"\xff\xfe",
            b'{"a":' * 100_000,
            b'{"n": ' + b"9" * 5_000 + b"}",
            b'{"n": NaN}',
        ],
    )
    def test_anything_else_is_none(self, raw: bytes) -> None:
        assert wire.read_stk_callback(raw) is None
        assert wire.read_result(raw) is None

    def test_numbers_keep_their_digits(self) -> None:
        body = read_object(b'{"a": 0.1, "b": 100.00}')
        assert body == {"a": Decimal("0.1"), "b": Decimal("100.00")}


class TestResult:
    def test_a_single_parameter_may_come_without_a_list(self) -> None:
        body = mpesa.result(0)
        body["Result"]["ResultParameters"] = {
            "ResultParameter": {"Key": "Amount", "Value": "100.00"}
        }
        read = wire.read_result(json.dumps(body).encode())
        assert read is not None
        assert read.parameter("Amount") == "100.00"

    def test_keys_with_blanks_and_repeated_keys(self) -> None:
        body = mpesa.result(0)
        body["Result"]["ResultParameters"] = {
            "ResultParameter": [
                {"Key": "Originator Conversation ID"},
                {"Key": "Originator Conversation ID", "Value": "abc"},
                {"Key": "TransactionReason"},
            ]
        }
        read = wire.read_result(json.dumps(body).encode())
        assert read is not None
        assert read.parameter("OriginatorConversationID") == "abc"
        assert read.parameter("TransactionReason") is None

    def test_failure_has_no_parameters(self) -> None:
        read = wire.read_result(json.dumps(mpesa.result("SFC_IC0003")).encode())
        assert read is not None
        assert (read.code, read.parameter("Amount")) == ("SFC_IC0003", None)


class TestRequests:
    def test_daraja_spelling(self) -> None:
        reversal = wire.Reversal(
            initiator="op",
            credential="c",
            receipt=mpesa.RECEIPT,
            amount=100,
            short_code="174379",
            remarks="Refund",
            timeout_url="https://x/1",
            result_url="https://x/2",
        )
        assert reversal.document() == {
            "Initiator": "op",
            "SecurityCredential": "c",
            "CommandID": "TransactionReversal",
            "TransactionID": mpesa.RECEIPT,
            "Amount": 100,
            "ReceiverParty": "174379",
            "RecieverIdentifierType": "11",
            "Remarks": "Refund",
            "QueueTimeOutURL": "https://x/1",
            "ResultURL": "https://x/2",
        }

    def test_secrets_and_phones_do_not_show(self) -> None:
        query = wire.StkQuery(
            short_code="174379", password="secret-x", timestamp="t", checkout_id=mpesa.CHECKOUT
        )
        assert "secret-x" not in repr(query)
        assert mpesa.CHECKOUT not in repr(query)
