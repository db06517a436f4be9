"""Numbers and identifiers as Daraja writes them."""

import re
from decimal import Decimal

import pytest

from provider_sandbox.daraja import ids
from provider_sandbox.daraja.wire import render

NOON = 1_731_574_800.0  # 14 November 2024, 12:00 in Nairobi


class TestRender:
    @pytest.mark.parametrize("number", ["100.00", "-22.40", "0.00", "1"])
    def test_keeps_the_digits_of_a_decimal(self, number: str) -> None:
        assert render({"a": Decimal(number)}) == f'{{"a":{number}}}'.encode()

    def test_leaves_strings_alone(self) -> None:
        assert render({"a": "100.00", "b": 1}) == b'{"a":"100.00","b":1}'

    def test_refuses_what_is_not_json(self) -> None:
        with pytest.raises(TypeError):
            render({"a": object()})


class TestIds:
    def test_checkout_id_carries_nairobi_time_and_the_national_number(self) -> None:
        made = ids.checkout_id(NOON, 7, "254708374149")
        assert made == "ws_CO_141120241200007708374149"

    def test_receipt_begins_with_its_date(self) -> None:
        assert re.fullmatch(r"SKE[A-Z0-9]{7}", ids.receipt(NOON))
        assert ids.placeholder_receipt(NOON) == "SKE0000000"

    def test_request_and_conversation_ids(self) -> None:
        shape = r"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\d{7}"
        assert re.fullmatch(shape, ids.request_id())
        assert re.fullmatch(r"AG_20241114_[0-9a-f]{20}", ids.conversation_id(NOON))
