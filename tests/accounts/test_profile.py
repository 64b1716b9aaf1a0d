"""One's own profile, and what others see of it."""

from asyncio import gather
from typing import Any

import pytest

from mentorq.accounts import profile, queries
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Database, Read, Row
from mentorq.core.errors import PreconditionFailed
from mentorq.core.http import etag
from mentorq.core.jobs import Worker
from tests.support.life import ticket_in
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio

PUBLIC = {"id", "username", "role", "bio", "avatar", "is_available", "created_at", "headline", "links", "pronouns"}


async def tag_counts(person: Person) -> dict[str, int]:
    """How many mentors each tag has."""
    page = await person.expect(200, "GET", "/tags?sort=name&limit=100")
    return {tag["name"]: tag["mentors"] for tag in page["items"]}


POSSIBLE: list[tuple[str, Any, Any]] = [
    ("bio", "  I like\r\nsnakes.  ", "I like\nsnakes."),
    ("bio", "", ""),
    ("headline", " Pythonista ", "Pythonista"),
    ("time_zone", "Europe/Lisbon", "Europe/Lisbon"),
    ("links", ["https://ana.example.org", "http://example.org/~ana"], None),
    ("links", [], None),
    ("skills", ["JS", " Python", "javascript"], ["javascript", "python"]),
    ("skills", [], None),
]


async def test_each_field_can_be_changed_and_the_others_stay(student: Join) -> None:
    ana = await student()
    for field, value, kept in POSSIBLE:
        before = await ana.expect(200, "GET", "/auth/me")
        changed = await ana.expect(200, "PATCH", "/users/me", {field: value})
        assert changed == before | {field: value if kept is None else kept}
        assert await ana.expect(200, "GET", "/auth/me") == changed


IMPOSSIBLE: list[dict[str, Any]] = [
    {"bio": "x" * 2001},
    {"bio": "\x07"},
    {"headline": "x" * 121},
    {"headline": "two\nlines"},
    {"time_zone": "Mars/Olympus"},
    {"time_zone": "../../etc/passwd"},
    {"links": ["javascript:alert(1)"]},
    {"links": ["ftp://example.org"]},
    {"links": ["http:example.org"]},
    {"links": ["http://user[:x@example.org/"]},
    {"links": ["http://]@example.org/"]},
    {"links": ["http://us℀er@example.org/"]},
    {"links": ["http://example.org\\@example.com"]},
    {"links": ["https://ana:secret@example.org"]},
    {"links": ["https://example.org"] * 9},
    {"links": "https://example.org"},
    {"skills": ["!!!"]},
    {"skills": [f"tag{n}" for n in range(51)]},
    {"role": "admin"},
    {"email": "new@example.org"},
    {"is_available": False},
    {"id": 1},
]


async def test_what_cannot_be_changes_nothing(student: Join) -> None:
    ana = await student()
    before = await ana.expect(200, "GET", "/auth/me")
    for change in IMPOSSIBLE:
        problem = await ana.expect(422, "PATCH", "/users/me", {"headline": "New.", **change})
        assert problem["errors"][0]["pointer"].startswith("/" + next(iter(change)))
    assert await ana.expect(200, "GET", "/auth/me") == before


async def test_skills_of_mentors_are_counted_and_those_of_students_are_not(student: Join, mentor: Join) -> None:
    ana, ben = await student(skills=["python"]), await mentor(skills=["python", "sql"])
    assert await tag_counts(ana) == {"python": 1, "sql": 1}
    await ben.expect(200, "PATCH", "/users/me", {"skills": ["sql", "go"]})
    assert await tag_counts(ana) == {"go": 1, "python": 0, "sql": 1}
    mine = await ben.expect(200, "GET", "/mentors/me/tags")
    assert [tag["name"] for tag in mine["items"]] == ["go", "sql"]


async def test_if_match_guards_against_what_was_not_seen(student: Join, mentor: Join) -> None:
    ben = await mentor()
    seen = (await ben.get("/auth/me")).headers["ETag"]
    first = await ben.patch("/users/me", {"bio": "One."}, headers={"If-Match": seen})
    assert first.status_code == 200
    assert first.headers["ETag"] != seen
    late = await ben.patch("/users/me", {"bio": "Two."}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (await ben.patch("/users/me", {"bio": "Two."}, headers={"If-Match": "*"})).status_code == 200
    seen = (await ben.get("/auth/me")).headers["ETag"]
    await ben.expect(201, "POST", "/mentors/me/tags", {"name": "python"})
    assert (await ben.get("/auth/me")).headers["ETag"] != seen, "it shows the new skill"
    late = await ben.patch("/users/me", {"skills": []}, headers={"If-Match": seen})
    assert late.status_code == 412


async def test_of_many_changes_to_what_was_seen_one_is_made(mentor: Join) -> None:
    ben = await mentor()
    seen = {"If-Match": (await ben.get("/auth/me")).headers["ETag"]}
    answers = await gather(*(ben.patch("/users/me", {"bio": f"Number {n}."}, headers=seen) for n in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9


async def test_a_change_between_reading_and_writing_is_not_overwritten(
    database: Database, mentor: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = await mentor()
    read = queries.user

    async def read_what_is_no_longer_so(db: Read, user_id: int) -> Row | None:
        row = await read(db, user_id)
        return row and row | {"version": row["version"] - 1}

    async with database.read() as db:
        now = await read(db, ben.id)
    assert now is not None
    monkeypatch.setattr(queries, "user", read_what_is_no_longer_so)

    async def change() -> None:
        async with database.write() as db:
            viewer = Viewer(ben.id, "mentor", ben.username, 1)
            await profile.change(db, viewer, {"bio": "Late."}, etag(ben.id, now["version"] - 1))

    with pytest.raises(PreconditionFailed):
        await change()
    monkeypatch.undo()
    assert (await ben.expect(200, "GET", "/auth/me"))["bio"] != "Late."


async def test_others_see_the_person_but_not_the_address(student: Join, mentor: Join) -> None:
    ana, eve = await student(), await student()
    await ana.expect(200, "PATCH", "/users/me", {"bio": "Hello.", "headline": "Learner"})
    for answer in (await eve.get(f"/users/{ana.id}"), await ana.client.get(f"/users/{ana.id}")):
        assert set(answer.json()) == PUBLIC | {"achievements", "skills", "time_zone"}
        assert ana.email not in answer.text
    assert (await eve.get("/users/999999")).status_code == 404


async def test_the_export_holds_all_of_mine_and_nothing_of_others(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    eve, mia = await student(), await mentor()
    mine = await ticket_in("assigned", ana, ben, title="Mine", description="My very own words")
    others = await ticket_in("closed", eve, ben, title="Hers", description="Words of Eve")
    await ana.expect(201, "POST", f"/tickets/{mine['id']}/messages", {"body": "said by ana"})
    await ben.expect(201, "POST", f"/tickets/{mine['id']}/messages", {"body": "said by ben"})
    await ben.expect(204, "PUT", f"/tickets/{mine['id']}/draft", {"body": "draft of ben"})
    await eve.expect(201, "POST", f"/tickets/{others['id']}/review", {"rating": 5, "comment": "praise of eve"})
    await mia.expect(204, "POST", f"/tickets/{(await eve.ask())['id']}/pass", {"reason": "no_time"})
    await worker.drain()
    texts = {}
    for name, person in {"ana": ana, "ben": ben, "eve": eve, "mia": mia}.items():
        answer = await person.get("/users/me/export")
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.json()["account"]["email"] == person.email
        assert len(answer.json()["sign_ins"]) == 1
        texts[name] = answer.text
        for other in {ana.email, ben.email, eve.email, mia.email} - {person.email}:
            assert other not in answer.text
        assert "password" not in answer.text.lower()
    of = {
        "My very own words": {"ana"},
        "Words of Eve": {"eve"},
        "said by ana": {"ana"},
        "said by ben": {"ben"},
        "draft of ben": {"ben"},
        "praise of eve": {"eve"},
        "no_time": {"mia"},
    }
    for words, people in of.items():
        assert {name for name, text in texts.items() if words in text} == people, words
    assert "Use `sorted(x)`." in texts["ben"]
