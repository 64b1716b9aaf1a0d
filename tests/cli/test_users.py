"""`mentorq user`: accounts, and what ends with a right."""

import httpx2
import pytest

from mentorq.settings import Settings
from tests.cli.conftest import Run
from tests.support.booking import at, book, wish
from tests.support.people import PASSWORD, join, solve
from tests.support.processes import Server

pytestmark = pytest.mark.anyio


def _create(mentorq: Run, name: str, role: str) -> None:
    made = mentorq("user", "create", name, f"{name}@example.org", "--role", role, "--password", PASSWORD)
    assert made.returncode == 0, made.stderr


def _sign_in(server: Server, name: str) -> httpx2.Response:
    return httpx2.post(f"{server.url}/auth/signin", data={"username": name, "password": PASSWORD})


def _me(server: Server, signed_in: httpx2.Response) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    return httpx2.get(f"{server.url}/auth/me", headers=headers)


def test_every_role_can_be_made_and_signs_in(settings: Settings, mentorq: Run) -> None:
    with Server(settings) as server:
        for role in ("student", "mentor", "admin"):
            _create(mentorq, f"{role}-one", role)
            assert _me(server, _sign_in(server, f"{role}-one")).json()["role"] == role
        listed = httpx2.get(f"{server.url}/mentors").json()["items"]
    assert [mentor["username"] for mentor in listed] == ["mentor-one"]
    assert mentorq("db", "verify").returncode == 0


@pytest.mark.parametrize(
    ("name", "email", "password", "said"),
    [
        ("Ana Maria!", "ana@example.org", PASSWORD, "name"),
        ("ana", "nowhere", PASSWORD, "e-mail"),
        ("ana", "ana@example.org", "short", "8 characters"),
        ("ana", "ana@example.org", "password123", "commonest"),
    ],
)
def test_what_cannot_be_an_account_is_a_sentence(name: str, email: str, password: str, said: str, mentorq: Run) -> None:
    answer = mentorq("user", "create", name, email, "--role", "admin", "--password", password)
    assert answer.returncode == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_name_that_is_taken_is_a_sentence(mentorq: Run) -> None:
    _create(mentorq, "ana", "student")
    again = mentorq("user", "create", "ana", "other@example.org", "--role", "student", "--password", PASSWORD)
    assert again.returncode == 1
    assert "username" in again.stderr
    assert "nobody" in mentorq("user", "disable", "nobody").stderr


def test_a_new_role_ends_sign_ins_and_makes_a_mentor_of_a_student(settings: Settings, mentorq: Run) -> None:
    with Server(settings) as server:
        _create(mentorq, "ana", "student")
        before = _sign_in(server, "ana")
        headers = {"Authorization": f"Bearer {before.json()['access_token']}"}
        httpx2.patch(f"{server.url}/users/me", json={"skills": ["python"]}, headers=headers)
        assert mentorq("user", "role", "ana", "mentor").returncode == 0
        assert httpx2.post(
            f"{server.url}/auth/refresh", json={"refresh_token": before.json()["refresh_token"]}
        ).status_code == 401  # fmt: skip
        assert [m["username"] for m in httpx2.get(f"{server.url}/mentors?tag=python").json()["items"]] == ["ana"]
        assert httpx2.get(f"{server.url}/tags?q=python").json()["items"][0]["mentors"] == 1
        assert mentorq("db", "verify").returncode == 0
        assert mentorq("user", "role", "ana@example.org", "student").returncode == 0
        assert httpx2.get(f"{server.url}/tags?q=python").json()["items"][0]["mentors"] == 0
    assert mentorq("db", "verify").returncode == 0


def test_a_disabled_account_is_refused_until_it_is_enabled(settings: Settings, mentorq: Run) -> None:
    with Server(settings) as server:
        _create(mentorq, "ana", "student")
        assert mentorq("user", "disable", "ana").returncode == 0
        assert _sign_in(server, "ana").status_code == 401
        assert mentorq("user", "enable", "ana").returncode == 0
        assert _sign_in(server, "ana").status_code == 200


async def test_what_a_disabled_mentor_had_taken_comes_back(settings: Settings, mentorq: Run) -> None:
    with Server(settings) as server:
        async with httpx2.AsyncClient(base_url=server.url) as client:
            student, mentor = await join(client, "student"), await join(client, "mentor")
            await solve(student, mentor, close=True)
            ticket = await student.ask()
            await mentor.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
            said = mentorq("user", "disable", mentor.username).stdout
            assert "Tickets back in the queue: 1" in said
            assert (await student.expect(200, "GET", f"/tickets/{ticket['id']}"))["status"] == "open"
    assert mentorq("db", "verify").returncode == 0


@pytest.mark.parametrize("act", [("role", "mentor"), ("disable",)])
async def test_sessions_do_not_outlive_who_had_them(settings: Settings, mentorq: Run, act: tuple[str, ...]) -> None:
    with Server(settings) as server:
        async with httpx2.AsyncClient(base_url=server.url) as client:
            student, mentor = await join(client, "student"), await join(client, "mentor")
            sessions = [await wish(student, mentor, at(days=1)), await book(student, mentor, at(days=2))]
            assert mentorq("user", act[0], student.username, *act[1:]).returncode == 0
            for session in sessions:
                found = await mentor.expect(200, "GET", f"/sessions/{session['id']}")
                assert found["status"] == "cancelled"


def test_a_reset_link_sets_a_new_password_once(settings: Settings, mentorq: Run) -> None:
    with Server(settings) as server:
        _create(mentorq, "ana", "student")
        shown = mentorq("user", "reset-password", "ana").stdout
        token = shown.rpartition(" ")[2].strip()
        assert f"/reset?token={token}" in shown
        body = {"token": token, "new_password": "another-Passphrase-8"}
        assert httpx2.post(f"{server.url}/auth/password/reset", json=body).status_code == 204
        assert httpx2.post(f"{server.url}/auth/password/reset", json=body).status_code == 422
        assert _sign_in(server, "ana").status_code == 401
