"""One's own settings."""

import re

import pytest
from fastapi import FastAPI

from mentorq.core.database import Database
from tests.support.life import ticket_in
from tests.support.mails import mailed_tokens
from tests.support.people import PASSWORD, Join
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

NEW = "another-long-Passphrase-8"
EVIL = '<script>alert("x")</script>'


async def test_only_who_is_signed_in_has_settings(app: FastAPI) -> None:
    async with visiting(app) as visit:
        for path in ("/app/settings", "/app/settings/export", "/app/settings/delete"):
            answer = await visit.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={path}")
        for path in ("profile", "password", "delete", "signins/end", "signins/1/end", "verification"):
            answer = await visit.send(f"/app/settings/{path}")
            assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/app"), path


async def test_a_profile_is_saved_and_shown_again(app: FastAPI, mentor: Join) -> None:
    ben = await mentor(skills=["git"])
    async with visiting(app, ben) as visit:
        fields = {
            "headline": f"I like clocks {EVIL}",
            "bio": f"*Hello*\n</textarea>{EVIL}",
            "links": "https://ben.example.org\r\n\r\n https://code.example.org/ben ",
            "skills": "Python, postgres,, ",
            "time_zone": "Europe/Lisbon",
        }
        await visit.goes_to("/app/settings#profile", "/app/settings/profile", fields)
        page = await visit.page("/app/settings")
    assert "Profile saved." in page
    assert EVIL not in page
    assert '<option value="Europe/Lisbon" selected>Lisbon</option>' in page
    me = await ben.expect(200, "GET", "/auth/me")
    assert (me["headline"], me["time_zone"]) == (fields["headline"], "Europe/Lisbon")
    assert me["links"] == ["https://ben.example.org", "https://code.example.org/ben"]
    assert me["skills"] == ["postgresql", "python"]


async def test_what_does_not_fit_is_said_at_its_field_and_nothing_is_saved(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        for name, value, sentence in (
            ("headline", "x" * 121, "At most 120 characters, please."),
            ("bio", "x" * 2001, "At most 2000 characters, please."),
            ("links", "javascript:alert(1)", "Please write a whole address"),
            ("links", "\n".join(["https://example.org"] * 9), "At most 8, please."),
            ("skills", "!!", "letters"),
            ("time_zone", "Mars/Olympus", "not the name of a time zone"),
        ):
            answer = await visit.send("/app/settings/profile", {"headline": "new", name: value})
            assert answer.status_code == 422, name
            assert sentence in answer.text, name
            assert f'href="#{"zone" if name == "time_zone" else name}"' in answer.text
        assert value in answer.text
    assert (await ana.expect(200, "GET", "/auth/me"))["headline"] == ""


async def test_what_is_not_sent_stays(app: FastAPI, student: Join) -> None:
    ana = await student(skills=["git"])
    async with visiting(app, ana) as visit:
        await visit.goes_to("/app/settings#profile", "/app/settings/profile", {"headline": "Hello"})
    me = await ana.expect(200, "GET", "/auth/me")
    assert (me["headline"], me["skills"]) == ("Hello", ["git"])


async def test_a_new_mentor_is_asked_for_skills_first(app: FastAPI, mentor: Join, student: Join) -> None:
    async with visiting(app, await mentor()) as visit:
        assert 'href="#skills"' in await visit.page("/app/settings?welcome=1")
        assert 'href="#skills"' not in await visit.page("/app/settings")
    async with visiting(app, await student()) as visit:
        assert 'href="#skills"' not in await visit.page("/app/settings?welcome=1")


async def test_the_link_is_sent_again_until_the_address_is_confirmed(
    app: FastAPI, student: Join, database: Database
) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        assert "Send the link again" in await visit.page("/app/settings")
        await visit.goes_to("/app/settings#email", "/app/settings/verification")
        tokens = await mailed_tokens(database, ana.email, "verify")
        assert len(tokens) == 2
        await visit.goes_to("/app", "/verify", {"token": tokens[1]})
        page = await visit.page("/app/settings")
    assert "Your e-mail address is confirmed." in page
    assert "Send the link again" not in page


async def test_devices_are_named_and_signed_out(app: FastAPI, student: Join) -> None:
    ana, eve = await student(), await student()
    async with visiting(app, ana) as visit, visiting(app) as phone:
        agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
        await phone.send("/signin", {"username": ana.username, "password": PASSWORD}, headers=agent)
        page = await visit.page("/app/settings")
        assert "Firefox on Linux" in page
        assert "this one" in page
        [device] = re.findall(r'/app/settings/signins/(\d+)/end"><button[^>]*Sign out Firefox on Linux', page)
        async with visiting(app, eve) as stranger:
            assert (await stranger.send(f"/app/settings/signins/{device}/end")).status_code == 404
        assert (await phone.get("/app/settings")).status_code == 200
        await visit.goes_to("/app/settings#devices", f"/app/settings/signins/{device}/end")
        assert (await phone.get("/app/settings")).status_code == 303
        assert (await visit.send(f"/app/settings/signins/{device}/end")).status_code == 404
        await visit.goes_to("/app/settings#devices", "/app/settings/signins/end")
        assert (await ana.get("/auth/me")).status_code == 401
        page = await visit.page("/app/settings")
        assert "Firefox on Linux" not in page


async def test_who_signs_out_the_device_at_hand_is_out(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        devices = await ana.expect(200, "GET", "/auth/signins")
        newest = devices["items"][0]["id"]
        await visit.goes_to("/", f"/app/settings/signins/{newest}/end")
        assert set(visit.client.cookies) == {"said"}
        assert (await visit.get("/app/settings")).status_code == 303


async def test_many_devices_are_shown_page_by_page(app: FastAPI, student: Join) -> None:
    ana = await student()
    for _ in range(21):
        await ana.client.post("/auth/signin", data={"username": ana.username, "password": PASSWORD})
    async with visiting(app, ana) as visit:
        page = await visit.page("/app/settings?welcome=1")
        more = re.search(r'href="(/app/settings\?cursor=[^"#]+)#devices"', page)
        assert more is not None
        assert "Show more" not in await visit.page(more[1])
        assert (await visit.get("/app/settings?cursor=nonsense")).status_code in (404, 422)


async def test_a_password_is_changed(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        path = "/app/settings/password"
        for fields, sentence in (
            ({"current_password": "wrong", "new_password": NEW}, "This is not your current password."),
            ({"current_password": PASSWORD, "new_password": "short"}, "at least 8 characters"),
            ({"current_password": PASSWORD, "new_password": "password1"}, "commonest"),
            ({}, "banner danger"),
        ):
            answer = await visit.send(path, fields)
            assert answer.status_code == 422, fields
            assert sentence in answer.text, fields
            assert PASSWORD not in answer.text
        await visit.goes_to("/app/settings#password", path, {"current_password": PASSWORD, "new_password": NEW})
        assert "Password changed." in await visit.page("/app/settings")
        await visit.goes_to("/app/settings#password", path, {"current_password": NEW, "new_password": PASSWORD})
    assert (await ana.get("/auth/me")).status_code == 401, "other devices are signed out"


async def test_reloading_a_refused_form_leads_back(app: FastAPI, student: Join) -> None:
    async with visiting(app, await student()) as visit:
        for section, anchor in (("profile", "profile"), ("password", "password"), ("verification", "email")):
            answer = await visit.get(f"/app/settings/{section}")
            assert (answer.status_code, answer.headers["location"]) == (303, f"/app/settings#{anchor}")
        assert (await visit.get("/app/settings/nothing")).status_code == 404


async def test_the_export_is_a_file(app: FastAPI, student: Join) -> None:
    ana = await student()
    await ana.ask("Where is my data?")
    async with visiting(app, ana) as visit:
        answer = await visit.get("/app/settings/export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == f'attachment; filename="mentorq-{ana.username}.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["account"]["email"] == ana.email
    assert answer.json()["tickets"][0]["title"] == "Where is my data?"


async def test_an_account_is_deleted_by_its_password_only(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, ben)
    async with visiting(app, ben) as visit:
        assert 'action="/app/settings/delete"' in await visit.page("/app/settings/delete")
        refused = await visit.send("/app/settings/delete", {"password": "wrong"})
        assert refused.status_code == 422
        assert "This is not your current password." in refused.text
        assert (await ben.get("/auth/me")).status_code == 200
        await visit.goes_to("/", "/app/settings/delete", {"password": PASSWORD})
        assert set(visit.client.cookies) == {"said"}
        assert "Your account is deleted." in await visit.page("/")
    assert (await ben.get("/auth/me")).status_code == 401
    assert (await ana.expect(200, "GET", f"/tickets/{ticket['id']}"))["status"] == "open"
