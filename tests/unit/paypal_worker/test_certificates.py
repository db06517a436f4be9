"""Which certificates prove that PayPal signed, and how they are fetched."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from cift_shared.errors import OutcomeUnknown, SettingsInvalid
from cift_shared.testing import FakeClock
from paypal_method.transmission import Unproven
from paypal_worker.certificates import (
    FETCHES_MAX,
    FETCHES_WITHIN,
    KEPT_MAX,
    PEM_BYTES_MAX,
    REFUSED_FOR,
    Certificates,
    CertificateUnavailable,
    Trust,
    Trusted,
)
from tests.support.paypal_signing import LIVE_NAME, NOW, SANDBOX_NAME, Issued, issue, leaf, root

DATA = Path(__file__).parent / "data"
PUBLIC_AT = datetime(2026, 10, 1, tzinfo=UTC)
"""A time at which the public certificate of the tests was valid."""


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    file = tmp_path_factory.mktemp("roots") / "roots.pem"
    file.write_bytes(root().pem)
    return Trust.of("sandbox", file)


def refused(trust: Trust, pem: bytes, at: datetime = NOW) -> str:
    with pytest.raises(Unproven) as error:
        trust.check(pem, at)
    return error.value.reason


class TestTrust:
    def test_a_certificate_of_our_root(self, trust: Trust) -> None:
        assert trust.check(leaf().pem, NOW).key == leaf().key.public_key()

    def test_through_an_intermediate_in_the_file(self, trust: Trust) -> None:
        middle = issue("Middle", by=root(), authority=True, number=2)
        made = issue(SANDBOX_NAME, by=middle, number=3)
        assert trust.check(made.pem + middle.pem, NOW).key == made.key.public_key()
        assert refused(trust, made.pem) == "certificate_chain"

    def test_signed_by_itself_with_the_right_name(self, trust: Trust) -> None:
        assert refused(trust, issue(SANDBOX_NAME, number=4).pem) == "certificate_chain"

    def test_of_a_root_in_the_file_that_we_do_not_trust(self, trust: Trust) -> None:
        other = issue("Test root", authority=True, number=5)
        forged = issue(SANDBOX_NAME, by=other, number=6)
        assert refused(trust, forged.pem + other.pem) == "certificate_chain"
        assert refused(trust, forged.pem + root().pem) == "certificate_chain"

    def test_issued_by_a_certificate_that_is_no_authority(self, trust: Trust) -> None:
        forged = issue(SANDBOX_NAME, by=leaf(), number=6)
        assert refused(trust, forged.pem + leaf().pem) == "certificate_chain"

    @pytest.mark.parametrize(
        "name", [LIVE_NAME, "paypal.com", "evil.paypal.com", f"{SANDBOX_NAME}.evil.test", "x"]
    )
    def test_of_another_name(self, trust: Trust, name: str) -> None:
        assert refused(trust, issue(name, by=root(), number=6).pem) == "certificate_subject"

    def test_the_name_of_the_other_environment(self) -> None:
        live = Trust.of("live", None)
        assert live.subject == LIVE_NAME
        made = issue(SANDBOX_NAME, by=root(), number=6)
        assert refused(live, made.pem) == "certificate_subject"

    @pytest.mark.parametrize("days", [-31, 366])
    def test_not_valid_at_that_time(self, trust: Trust, days: int) -> None:
        assert refused(trust, leaf().pem, NOW + timedelta(days=days)) == "certificate_time"

    def test_an_expired_authority(self, trust: Trust) -> None:
        middle = issue("Old", by=root(), authority=True, number=2, until=NOW - timedelta(days=1))
        made = issue(SANDBOX_NAME, by=middle, number=3)
        assert refused(trust, made.pem + middle.pem) == "certificate_chain"

    def test_valid_as_long_as_its_whole_chain(self, trust: Trust) -> None:
        until = NOW + timedelta(days=3)
        middle = issue("Short", by=root(), authority=True, number=2, until=until)
        trusted = trust.check(issue(SANDBOX_NAME, by=middle, number=3).pem + middle.pem, NOW)
        assert trusted.not_after == until
        assert (trusted.is_valid(until), trusted.is_valid(until + timedelta(1))) == (True, False)

    def test_another_kind_of_key(self, trust: Trust) -> None:
        made = issue(SANDBOX_NAME, by=root(), elliptic=True)
        assert refused(trust, made.pem) == "certificate_unreadable"

    @pytest.mark.parametrize(
        "pem",
        [
            b"",
            b"<html>",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"x" * (PEM_BYTES_MAX + 1),
        ],
    )
    def test_no_certificate(self, trust: Trust, pem: bytes) -> None:
        assert refused(trust, pem) == "certificate_unreadable"

    def test_too_many_certificates(self, trust: Trust) -> None:
        assert refused(trust, leaf().pem + root().pem * 10) == "certificate_unreadable"


class TestPublicRoots:
    """The roots that ship with us, and a real certificate that they vouch for."""

    def test_the_shipped_intermediates_lead_to_a_public_root(self) -> None:
        trust = Trust.of("live", None)
        assert len(trust.intermediates) == 2
        pem = (DATA / "public_leaf.pem").read_bytes()
        named = Trust(trust.store, trust.intermediates, "www.digicert.com")
        assert named.check(pem, PUBLIC_AT).key.key_size == 2048
        bare = Trust(trust.store, (), "www.digicert.com")
        assert refused(bare, pem, PUBLIC_AT) == "certificate_chain"

    def test_a_real_certificate_of_another_name(self) -> None:
        pem = (DATA / "public_leaf.pem").read_bytes()
        assert refused(Trust.of("live", None), pem, PUBLIC_AT) == "certificate_subject"

    def test_a_test_authority_is_not_trusted(self) -> None:
        made = issue(LIVE_NAME, by=root(), number=6)
        assert refused(Trust.of("live", None), made.pem + root().pem) == "certificate_chain"
        assert refused(Trust.of("sandbox", None), leaf().pem) == "certificate_chain"

    def test_live_mode_takes_no_other_roots(self, tmp_path: Path) -> None:
        file = tmp_path / "roots.pem"
        file.write_bytes(root().pem)
        with pytest.raises(SettingsInvalid, match="PAYPAL_WEBHOOK_ROOTS"):
            Trust.of("live", file)

    @pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----"])
    def test_a_file_without_roots(self, tmp_path: Path, content: bytes | None) -> None:
        file = tmp_path / "roots.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(SettingsInvalid, match="PAYPAL_WEBHOOK_ROOTS"):
            Trust.of("sandbox", file)


@dataclass
class Source:
    """Answers of the addresses."""

    pems: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails: bool = False

    async def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        await asyncio.sleep(0)
        if self.fails:
            raise OutcomeUnknown("provider_no_answer", "no answer")
        if address not in self.pems:
            raise Unproven("certificate_missing", "There is no certificate.")
        return self.pems[address]


class TestFetching:
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock(NOW)

    @pytest.fixture
    def source(self) -> Source:
        return Source({"a": leaf().pem})

    @pytest.fixture
    def kept(self, trust: Trust, source: Source, clock: FakeClock) -> Certificates:
        return Certificates(trust, source.fetch, clock)

    async def test_once(self, kept: Certificates, source: Source) -> None:
        found = await asyncio.gather(*(kept.get("a", NOW) for _ in range(5)))
        assert all(trusted == found[0] for trusted in found)
        assert isinstance(found[0], Trusted)
        assert source.asked == ["a"]

    async def test_again_when_it_has_expired(self, kept: Certificates, source: Source) -> None:
        await kept.get("a", NOW)
        later = NOW + timedelta(days=366)
        with pytest.raises(Unproven):
            await kept.get("a", later)
        source.pems["a"] = issue(SANDBOX_NAME, by=root(), until=later + timedelta(days=1)).pem
        with pytest.raises(Unproven):  # the root itself has expired
            await kept.get("a", later)
        assert source.asked == ["a", "a", "a"]

    async def test_a_refused_one_is_not_fetched_again(
        self, kept: Certificates, source: Source, clock: FakeClock
    ) -> None:
        for _ in range(3):
            with pytest.raises(Unproven) as error:
                await kept.get("b", NOW)
            assert error.value.reason == "certificate_missing"
        assert source.asked == ["b"]
        source.pems["b"] = leaf().pem
        clock.advance(REFUSED_FOR)
        await kept.get("b", NOW)

    async def test_a_forged_one_is_refused_from_memory_too(
        self, kept: Certificates, source: Source
    ) -> None:
        source.pems["f"] = issue(SANDBOX_NAME, number=4).pem
        for _ in range(2):
            with pytest.raises(Unproven) as error:
                await kept.get("f", NOW)
            assert error.value.reason == "certificate_chain"
        assert source.asked == ["f"]

    async def test_no_answer_is_no_refusal(self, kept: Certificates, source: Source) -> None:
        source.fails = True
        with pytest.raises(CertificateUnavailable):
            await kept.get("a", NOW)
        source.fails = False
        await kept.get("a", NOW)

    async def test_a_stranger_makes_us_fetch_only_so_much(
        self, kept: Certificates, source: Source, clock: FakeClock
    ) -> None:
        await kept.get("a", NOW)
        unavailable = 0
        for number in range(2 * FETCHES_MAX):
            try:
                await kept.get(f"x{number}", NOW)
            except CertificateUnavailable:
                unavailable += 1
            except Unproven:
                pass
        assert len(source.asked) == FETCHES_MAX
        assert unavailable == FETCHES_MAX + 1
        await kept.get("a", NOW)  # the genuine one is still known
        clock.advance(FETCHES_WITHIN)
        with pytest.raises(Unproven):
            await kept.get("y", NOW)

    async def test_the_cache_is_bounded(
        self, kept: Certificates, source: Source, clock: FakeClock
    ) -> None:
        for number in range(KEPT_MAX + 5):
            source.pems[f"k{number}"] = leaf().pem
            await kept.get(f"k{number}", NOW)
        assert len(kept._kept) == KEPT_MAX


def test_the_shipped_intermediates_are_what_they_say() -> None:
    text = (
        Path(__file__).parents[3]
        / "services/paypal-worker/src/paypal_worker/data/intermediates.pem"
    ).read_text()
    for found in x509.load_pem_x509_certificates(text.encode()):
        (name,) = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert f"# {name.value!s}, valid until {found.not_valid_after_utc.date()}" in text


def test_the_tests_have_their_own_authority() -> None:
    assert isinstance(root(), Issued)
    assert root().certificate.subject != leaf().certificate.subject
