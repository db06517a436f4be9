"""Access tokens, as Daraja's Authorization documentation and the field have them."""

import pytest

from tests.support.daraja_twin import DarajaTwin, OpenTwin


class TestGenerate:
    async def test_answers_a_token_of_28_characters_for_3599_seconds(
        self, twin: DarajaTwin
    ) -> None:
        body = (await twin.oauth()).json()
        assert len(body["access_token"]) == 28
        assert body["expires_in"] == 3599

    async def test_may_write_the_lifetime_as_text(self, open_twin: OpenTwin) -> None:
        async with open_twin(expires_in_as_text=True) as twin:
            assert (await twin.oauth()).json()["expires_in"] == "3599"

    async def test_wrong_secret_earns_400_with_an_empty_body(self, twin: DarajaTwin) -> None:
        answer = await twin.oauth(secret="wrong")
        assert (answer.status_code, answer.content) == (400, b"")

    async def test_other_authentication_earns_400_008_01(self, twin: DarajaTwin) -> None:
        answer = await twin.http.get(
            "/oauth/v1/generate?grant_type=client_credentials",
            headers={"Authorization": "Bearer x"},
        )
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.008.01")

    async def test_other_grant_earns_400_008_02(self, twin: DarajaTwin) -> None:
        answer = await twin.http.get("/oauth/v1/generate", auth=("app-key", "app-secret"))
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.008.02")


class TestLifetime:
    async def test_a_new_token_ends_the_former_one(self, twin: DarajaTwin) -> None:
        await twin.oauth()
        answer = await twin.push()
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.03")

    async def test_unless_the_setting_says_otherwise(self, open_twin: OpenTwin) -> None:
        async with open_twin(new_token_invalidates=False) as twin:
            await twin.oauth()
            assert (await twin.push()).status_code == 200

    async def test_expires(self, twin: DarajaTwin) -> None:
        await twin.advance(3600)
        assert (await twin.push()).json()["errorCode"] == "404.001.03"

    async def test_can_be_ended_by_hand(self, twin: DarajaTwin) -> None:
        assert await twin.control("POST", "/daraja/tokens/expire") == {"expired": 1}
        assert (await twin.push()).status_code == 404

    @pytest.mark.parametrize(
        ("code", "status"),
        [("404.001.03", 404), ("400.003.01", 400), ("401.002.01", 401), ("401.003.01", 401)],
    )
    async def test_refusal_in_every_wording(self, twin: DarajaTwin, code: str, status: int) -> None:
        await twin.control("PATCH", "/settings", {"token_error": code})
        twin.token = "unknown"
        answer = await twin.push()
        assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
        assert answer.json().keys() == {"requestId", "errorCode", "errorMessage"}

    async def test_missing_header_earns_404_001_04(self, twin: DarajaTwin) -> None:
        answer = await twin.http.post("/mpesa/stkpush/v1/processrequest", json={})
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.04")
