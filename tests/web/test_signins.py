"""Signed in by cookie: what browsers keep, what is renewed, what other sites cannot do, and pages for errors."""

from asyncio import gather
from datetime import timedelta

import httpx2
import pytest
import time_machine
from fastapi import FastAPI

from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.errors import Unavailable
from mentorq.core.jobs import Worker
from mentorq.settings import Settings
from mentorq.tickets import community
from mentorq.web import devices
from mentorq.web.signins import own_path
from tests.support.mails import decide_whom_to_mail, mailed_tokens
from tests.support.people import PASSWORD, Join
from tests.support.visits import BASE, Visit, visiting

pytestmark = pytest.mark.anyio

NEW = "another-long-Passphrase-8"
HTML = {"Accept": "text/html"}
JAR = "test.local"
"""What Python's cookie jar calls the host `test`."""


def cookie(answer: httpx2.Response, name: str) -> set[str]:
    """The attributes that an answer sets a cookie with."""
    [given] = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{name}=")]
    return {part.strip() for part in given.split(";")[1:]}


async def is_in(visit: Visit) -> bool:
    """Whether the browser is signed in."""
    answer = await visit.get("/app/settings")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def copy_of(visit: Visit, other: Visit) -> None:
    """Let another browser have the same cookies."""
    for name in ("access", "refresh"):
        if name in visit.client.cookies:
            other.client.cookies.set(name, visit.client.cookies[name], domain=JAR)


class TestCookies:
    async def test_scripts_and_other_sites_do_not_get_them(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        async with visiting(app) as visit:
            answer = await visit.send("/signin", {"username": ana.username, "password": PASSWORD})
        common = {"HttpOnly", "Path=/", "SameSite=lax"}
        assert cookie(answer, "access") == {"Max-Age=1800", *common}
        assert cookie(answer, "refresh") == {"Max-Age=2592000", *common}

    async def test_the_api_does_not_accept_them(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit:
            assert (await visit.client.get("/auth/me")).status_code == 401
            assert (await visit.client.post("/tickets", json={"title": "x", "description": "y"})).status_code == 401

    async def test_signing_out_ends_it_at_once_and_twice_does_no_harm(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit, visiting(app) as thief:
            copy_of(visit, thief)
            assert await is_in(thief)
            await visit.goes_to("/", "/signout")
            assert set(visit.client.cookies) == {"said"}
            assert "You are signed out." in await visit.page("/")
            assert not await is_in(thief)
            await visit.goes_to("/", "/signout")


class TestOverHttps:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"public_url": "https://mentorq.example.org"})

    async def test_they_are_bound_to_the_host(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        async with visiting(app) as visit:
            answer = await visit.send("/signin", {"username": ana.username, "password": PASSWORD})
        for name in ("__Host-access", "__Host-refresh"):
            assert cookie(answer, name) >= {"Secure", "HttpOnly", "Path=/", "SameSite=lax"}
            assert not any(part.startswith("Domain") for part in cookie(answer, name))
        async with visiting(app) as other:
            answer = await other.send("/signout")
        assert cookie(answer, "__Host-access") >= {"Max-Age=0", "Secure"}
        assert "max-age" in answer.headers["strict-transport-security"]


class TestRenewal:
    async def test_it_goes_unnoticed(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit:
            old = visit.client.cookies["refresh"]
            for minutes in (31, 62):
                with time_machine.travel(now() + timedelta(minutes=minutes)):
                    assert await is_in(visit)
                    assert visit.client.cookies["refresh"] != old
                    old = visit.client.cookies["refresh"]

    async def test_a_form_is_sent_all_the_same(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        async with visiting(app, ana) as visit:
            with time_machine.travel(now() + timedelta(hours=2)):
                await visit.goes_to("/app/settings#profile", "/app/settings/profile", {"headline": "Late"})
                assert "Late" in await visit.page("/app/settings")

    async def test_it_ends_after_a_month_without_a_visit(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit, visiting(app) as later:
            copy_of(visit, later)
            with time_machine.travel(now() + timedelta(days=31)):
                answer = await later.get("/app/settings")
                assert answer.headers["location"] == "/signin?next=/app/settings"
                assert "Max-Age=0" in cookie(answer, "refresh")

    async def test_tabs_that_renew_at_once_are_all_served(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit:
            with time_machine.travel(now() + timedelta(minutes=31), tick=False):
                sent = {"Cookie": f"refresh={visit.client.cookies['refresh']}"}
                async with visiting(app) as tabs:
                    answers = await gather(*(tabs.get("/app/settings", headers=sent) for _ in range(4)))
                assert [answer.status_code for answer in answers] == [200] * 4
                renewed = [answer for answer in answers if "set-cookie" in answer.headers]
                assert len(renewed) == 1, "the losers must not take the winner's cookies away"
                visit.client.cookies.set("refresh", renewed[0].cookies["refresh"])
                assert await is_in(visit)

    async def test_a_stolen_token_that_is_used_later_ends_the_sign_in(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit, visiting(app) as thief:
            thief.client.cookies.set("refresh", visit.client.cookies["refresh"], domain=JAR)
            with time_machine.travel(now() + timedelta(minutes=31)):
                assert await is_in(visit)
            with time_machine.travel(now() + timedelta(minutes=32)):
                assert not await is_in(thief)
                assert "refresh" not in thief.client.cookies
                assert not await is_in(visit)

    async def test_a_stolen_token_on_another_device_ends_it_at_once(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit, visiting(app) as thief:
            thief.client.cookies.set("refresh", visit.client.cookies["refresh"], domain=JAR)
            with time_machine.travel(now() + timedelta(minutes=31), tick=False):
                assert await is_in(visit)
                answer = await thief.get("/app/settings", headers={"User-Agent": "thief"})
                assert answer.status_code == 303
                assert not await is_in(visit)

    async def test_a_page_that_breaks_keeps_what_was_renewed(
        self, app: FastAPI, student: Join, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with visiting(app, await student()) as visit:
            with time_machine.travel(now() + timedelta(minutes=31)), monkeypatch.context() as patched:
                patched.setattr(devices, "name_of", None)
                answer = await visit.get("/app/settings")
                assert answer.status_code == 500
            with time_machine.travel(now() + timedelta(minutes=32)):
                assert await is_in(visit)

    async def test_nonsense_is_nobody(self, app: FastAPI) -> None:
        for values in ({"access": "x", "refresh": "y"}, {"access": "a.b.c"}, {"refresh": "%00"}):
            async with visiting(app) as visit:
                for name, value in values.items():
                    visit.client.cookies.set(name, value)
                assert not await is_in(visit)


class TestForeignForms:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://test.evil.example"},
            {"Origin": "http://["},
            {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
            {"Origin": BASE, "Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
        ],
    )
    async def test_they_change_nothing(self, app: FastAPI, student: Join, headers: dict[str, str]) -> None:
        ana = await student()
        async with visiting(app, ana) as visit:
            for path, fields in (
                ("/app/settings/profile", {"headline": "hacked"}),
                ("/signout", {}),
                ("/signin", {"username": ana.username, "password": PASSWORD}),
                ("/language", {"language": "es"}),
            ):
                answer = await visit.client.post(path, data=fields, headers=HTML | headers)
                assert answer.status_code == 403, path
                assert "This came from another site." in answer.text
                assert "set-cookie" not in answer.headers
            assert await is_in(visit)
        assert (await ana.expect(200, "GET", "/auth/me"))["headline"] == ""

    async def test_our_own_are_known_by_either_header(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit:
            for headers in ({"Origin": BASE}, {"Sec-Fetch-Site": "same-origin"}):
                answer = await visit.client.post("/app/settings/profile", data={"headline": "x"}, headers=headers)
                assert answer.status_code == 303


class TestReturning:
    @pytest.mark.parametrize("path", ["/", "/app/ask", "/app/tickets/7?x=1#y", "/people/a%2Fb", "/people/añá"])
    def test_own_paths_are_followed(self, path: str) -> None:
        assert own_path(path) == path

    @pytest.mark.parametrize(
        "path",
        [
            "", "app", "//evil.example", "///evil.example", "\\\\evil.example", "/\\evil.example", "\\/evil.example",
            "/\\[", "//[", "https://evil.example", "https:evil", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y",
            "/\t/evil.example", " //evil.example", "/" + "a" * 3000,
        ],
    )  # fmt: skip
    async def test_others_are_not(self, app: FastAPI, student: Join, path: str) -> None:
        assert own_path(path) == "/app"
        ana = await student()
        async with visiting(app) as visit:
            fields = {"username": ana.username, "password": PASSWORD, "next": path}
            await visit.goes_to("/app", "/signin", fields)
            answer = await visit.get("/signin", params={"next": path})
            assert (answer.status_code, answer.headers["location"]) == (303, "/app")

    async def test_one_comes_back_to_where_one_was(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        async with visiting(app) as visit:
            answer = await visit.get("/app/settings?welcome=1&x=ñ")
            place = httpx2.URL(answer.headers["location"])
            assert place.path == "/signin"
            page = await visit.page(str(place))
            assert 'name="next" value="/app/settings?welcome=1&amp;x=' in page
            fields = {"username": ana.username, "password": PASSWORD, "next": place.params["next"]}
            answer = await visit.send("/signin", fields)
            assert (await visit.get(answer.headers["location"])).status_code == 200

    async def test_a_script_is_told_where_to_go(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            answer = await visit.get("/app/settings", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/signin?next=/app/settings")


class TestAccounts:
    async def test_somebody_joins(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            assert 'autocomplete="new-password"' in await visit.page("/signup")
            assert 'value="mentor" checked' in await visit.page("/signup?role=mentor")
            fields = {"username": "Ana", "email": "ana@example.org", "password": PASSWORD, "role": "mentor"}
            await visit.goes_to("/app/settings?welcome=1", "/signup", fields)
            assert "Welcome. Your account is ready." in await visit.page("/app/settings")
            answer = await visit.get("/signup")
            assert answer.headers["location"] == "/app/queue"

    async def test_what_does_not_fit_is_said_and_kept(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        good = {"username": "eve", "email": "eve@example.org", "password": PASSWORD, "role": "student"}
        async with visiting(app) as visit:
            for name, value, sentence in (
                ("username", ana.username, "Somebody else has this username."),
                ("email", ana.email, "There is an account with this e-mail address."),
                ("username", "", "username-error"),
                ("username", '"><script>', "username-error"),
                ("email", "nowhere", "email-error"),
                ("password", "short", "at least 8 characters"),
                ("password", "password1", "commonest"),
                ("role", "admin", "Please choose one."),
            ):
                answer = await visit.send("/signup", good | {name: value})
                assert answer.status_code == 422, (name, value)
                assert sentence in answer.text, (name, value)
                assert 'value="eve@example.org"' in answer.text or name == "email"
                assert '"><script>' not in answer.text
                assert PASSWORD not in answer.text
                assert "access" not in visit.client.cookies
            await visit.goes_to("/app", "/signup", good)

    async def test_signing_in_by_name_or_address(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        for name in (ana.username, f"  {ana.email.upper()} "):
            async with visiting(app) as visit:
                await visit.goes_to("/app", "/signin", {"username": name, "password": PASSWORD})
                assert await is_in(visit)

    async def test_wrong_ones_are_answered_alike(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        async with visiting(app) as visit:
            for name, password in (
                (ana.username, "wrong"), ("nobody", PASSWORD), ("a\0b", PASSWORD), ("x" * 5000, "y" * 5000),
            ):  # fmt: skip
                answer = await visit.send("/signin", {"username": name, "password": password})
                assert answer.status_code == 422, name
                assert "This name and password do not belong together." in answer.text
                assert "access" not in visit.client.cookies
            for fields in ({}, {"username": ana.username}, {"password": PASSWORD}):
                answer = await visit.send("/signin", fields)
                assert answer.status_code == 422
                assert "Fill in both, please." in answer.text

    async def test_a_forgotten_password(self, app: FastAPI, student: Join, database: Database, worker: Worker) -> None:
        ana = await student()
        async with visiting(app) as visit, visiting(app, ana) as other:
            assert (await visit.send("/forgot", {"email": "nowhere"})).status_code == 422
            answers = [await visit.send("/forgot", {"email": email}) for email in (ana.email, "nobody@example.org")]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert all("Look into your mail" in answer.text for answer in answers)
            await decide_whom_to_mail(worker)
            [token] = await mailed_tokens(database, ana.email, "reset")
            assert f'value="{token}"' in await visit.page(f"/reset?token={token}")
            for fields, sentence in (
                ({"token": token, "new_password": "short"}, "at least 8 characters"),
                ({"token": "x", "new_password": NEW}, "This link has expired or was used before."),
                ({"token": "", "new_password": NEW}, "banner danger"),
            ):
                answer = await visit.send("/reset", fields)
                assert answer.status_code == 422, fields
                assert sentence in answer.text
            await visit.goes_to("/signin", "/reset", {"token": token, "new_password": NEW})
            assert "Your new password is set." in await visit.page("/signin")
            assert not await is_in(other), "every device is signed out"
            await visit.goes_to("/app", "/signin", {"username": ana.username, "password": NEW})
            assert (await visit.send("/reset", {"token": token, "new_password": PASSWORD})).status_code == 422

    async def test_an_address_is_confirmed_by_a_button(self, app: FastAPI, student: Join, database: Database) -> None:
        ana = await student()
        [token] = await mailed_tokens(database, ana.email, "verify")
        async with visiting(app) as visit:
            await visit.page(f"/verify?token={token}")
            assert not (await ana.expect(200, "GET", "/auth/me"))["email_verified"], "opening the link does nothing"
            await visit.goes_to("/signin", "/verify", {"token": token})
            assert (await ana.expect(200, "GET", "/auth/me"))["email_verified"]
            answer = await visit.send("/verify", {"token": token})
            assert answer.status_code == 422
            assert "This link has expired or was used before." in answer.text


class TestTooMany:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_limits": True})

    async def test_sign_ins_that_fail(self, app: FastAPI, student: Join) -> None:
        ana = await student()
        async with visiting(app) as visit:
            wrong = {"username": ana.username, "password": "wrong"}
            answers = [await visit.send("/signin", wrong) for _ in range(11)]
            assert [answer.status_code for answer in answers] == [422] * 10 + [429]
            assert "<form" in answers[-1].text
            assert int(answers[-1].headers["retry-after"]) > 0

    async def test_anything_else_is_a_page(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            answers = [await visit.send("/forgot", {"email": "ana@example.org"}) for _ in range(11)]
            assert [answer.status_code for answer in answers] == [200] * 10 + [429]
            assert "A little slower, please" in answers[-1].text
            assert int(answers[-1].headers["retry-after"]) > 0


class TestErrors:
    async def test_an_unknown_path(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            answer = await visit.get("/nowhere")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
            assert "There is nothing at this address" in answer.text
            for accept in ("application/json", "*/*"):
                answer = await visit.client.get("/nowhere", headers={"Accept": accept})
                assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
            answer = await visit.get("/tickets/9999999")
            assert answer.headers["content-type"] == "application/problem+json", "the API speaks as always"

    async def test_a_wrong_method(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            answer = await visit.get("/signout")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
            assert "This cannot be done here" in answer.text
            answer = await visit.client.get("/signout")
            assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_fault_of_ours_needs_no_database(
        self, app: FastAPI, student: Join, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with visiting(app, await student()) as visit:
            monkeypatch.setattr(devices, "name_of", None)
            answer = await visit.get("/app/settings")
            assert answer.status_code == 500
            assert "Something broke on our side" in answer.text
            assert answer.headers["x-request-id"] in answer.text

    async def test_a_database_that_is_gone(self, app: FastAPI, student: Join, monkeypatch: pytest.MonkeyPatch) -> None:
        async with visiting(app, await student()) as visit, visiting(app) as guest:

            async def gone(*_: object) -> None:
                raise Unavailable

            monkeypatch.setattr(community, "figures", gone)
            answer = await guest.get("/")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "We cannot be reached for a moment" in answer.text
            monkeypatch.setattr(Database, "fetch_by_driver", gone)
            monkeypatch.setattr("mentorq.core.database.Read.execute", gone)
            with time_machine.travel(now() + timedelta(minutes=31)):
                answer = await visit.get("/app/settings")
                assert answer.status_code == 503
                assert "set-cookie" not in answer.headers, "nobody is signed out by that"
        monkeypatch.undo()

    async def test_what_is_no_form(self, app: FastAPI, student: Join) -> None:
        async with visiting(app, await student()) as visit:
            answer = await visit.client.post(
                "/app/settings/profile",
                content=b"--x\r\nnonsense",
                headers=HTML | {"Origin": BASE, "Content-Type": "multipart/form-data"},
            )
            assert answer.status_code == 404
            assert answer.headers["content-type"].startswith("text/html")

    async def test_what_every_page_says_of_itself(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            answers = [await visit.get(path) for path in ("/", "/signin", "/nowhere")]
        for answer in answers:
            [nonce] = {part.split("'")[0] for part in answer.headers["content-security-policy"].split("'nonce-")[1:]}
            assert answer.headers["content-security-policy"] == (
                f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
                "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            )
            assert f'nonce="{nonce}"' in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert "Cookie" in answer.headers["vary"]
        assert len({answer.headers["content-security-policy"] for answer in answers}) == 3

    async def test_languages(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            for asked, language in (("es-MX,es;q=0.9,en;q=0.5", "es"), ("de", "en"), ("en;q=0.2,es;q=0.1", "en")):
                for path in ("/signin", "/nowhere"):
                    answer = await visit.get(path, headers={"Accept-Language": asked})
                    assert f'<html lang="{language}" dir="ltr">' in answer.text, (asked, path)
            await visit.goes_to("/signin?next=/app", "/language", {"language": "es", "next": "/signin?next=/app"})
            assert '<html lang="es"' in await visit.page("/signin")
            await visit.goes_to("/", "/language", {"language": "xx", "next": "//evil.example"})
            assert '<html lang="es"' in await visit.page("/signin")
