"""Whatever bytes come from outside, a reader returns a result or raises its own error.

Longer and with fresh seeds: `python -m tests.hostile.fuzz --seconds 600`.
"""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cift_shared.http.untrusted_json import read_object
from cift_shared.observability.log import mask
from tests.hostile.fuzz import corpus, mutated
from tests.hostile.mutations import RAW, hostile_documents
from tests.hostile.targets import TARGETS, Target

EXAMPLES = 300

named = pytest.mark.parametrize("name", TARGETS)


@named
def test_samples_and_what_was_once_found(name: str) -> None:
    target = TARGETS[name]
    for data in (*corpus(name), *target.samples, *RAW):
        target.holds_for(data)


@named
def test_a_changed_sample_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(
        st.binary(max_size=300)
        | st.builds(mutated, st.sampled_from(target.samples), st.randoms(use_true_random=False))
    )
    def holds(data: bytes) -> None:
        target.holds_for(data)

    holds()


@named
def test_every_field_of_every_wrong_type(name: str) -> None:
    target = TARGETS[name]
    for sample in target.samples:
        if read_object(sample) is not None:
            for _, data in hostile_documents(json.loads(sample)):
                target.holds_for(data)


@named
def test_true_samples_are_taken(name: str) -> None:
    # nobody has our secret, nor PayPal's certificate
    if name not in ("stripe signature", "certificate of PayPal"):
        assert any(TARGETS[name].holds_for(sample) for sample in TARGETS[name].samples)


def test_a_reader_with_a_bug_is_found() -> None:
    """The fuzzing itself can fail: readers that trust their input do not last."""

    def trusting(data: bytes) -> None:
        assert json.loads(data)["Body"]["stkCallback"]["ResultCode"] is not None

    samples = TARGETS["callback of a push"].samples
    for target in (Target(trusting, (), samples), Target(bytes.decode, (ValueError,), samples)):
        random, found = Random(1), 0
        for _ in range(500):
            try:
                target.holds_for(mutated(samples[0], random))
            except Exception:  # noqa: BLE001  any is what we look for
                found += 1
        assert (found > 0) == (target.read is trusting)


class TestEndless:
    """Work must grow with the input, not with its square: these would take hours."""

    @pytest.mark.parametrize("sign", ["x", "1", "+", "a@", "ws_CO_1", "1 ", "a.", "254"])
    def test_masks(self, sign: str) -> None:
        assert mask(sign * 300_000)

    @pytest.mark.parametrize("name", ["stripe signature", "error of Daraja", "amount of Daraja"])
    def test_long_words(self, name: str) -> None:
        for word in (b"a" * 250_000, b"," * 250_000, b"v1=a," * 50_000, b"|KES|1&" * 30_000):
            try:
                TARGETS[name].holds_for(b"t=1767000000,v1=" + word)
            except AssertionError:
                raise
            body = json.dumps({"errorCode": word.decode(), "errorMessage": word.decode()})
            TARGETS[name].holds_for(body.encode())
