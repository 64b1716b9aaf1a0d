"""One's own picture: sent, served, replaced, removed, and what happens when it cannot be kept."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from mentorq.accounts import avatars
from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from tests.support.object_store import ObjectStore
from tests.support.people import PASSWORD, Join, Person
from tests.support.pictures import BLUE, BOMBS, NO_PICTURES, opened, plain
from tests.support.problems import problem

pytestmark = pytest.mark.anyio

RED_ONE, BLUE_ONE = plain(), plain("JPEG", colour=BLUE)


async def send(person: Person, content: bytes, name: str = "me.png", kind: str = "image/png") -> httpx2.Response:
    """Send a picture."""
    return await person.request("PUT", "/users/me/avatar", files={"file": (name, content, kind)})


async def sent(person: Person, content: bytes = RED_ONE) -> str:
    """Send a picture that must be taken; returns its address."""
    answer = await send(person, content)
    assert answer.status_code == 200, answer.text
    address: str = answer.json()["avatar"]
    return address


def kept(home: Path) -> set[str]:
    """Addresses of all files that are kept."""
    return {f"/{file.relative_to(home / 'files')}" for file in (home / "files").rglob("*.webp")}


def files_of(address: str) -> set[str]:
    """All sizes of a picture."""
    return {f"{address.rpartition('/')[0]}/{size}.webp" for size in (48, 96, 256)}


async def test_it_stands_wherever_people_are_shown(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    ticket = await ana.ask()
    await ben.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    assert (await ana.expect(200, "GET", "/auth/me"))["avatar"] is None
    hers, his = await sent(ana), await sent(ben, BLUE_ONE)
    assert (await ana.expect(200, "GET", "/auth/me"))["avatar"] == hers
    assert (await ana.expect(200, "GET", f"/users/{ben.id}"))["avatar"] == his
    assert (await ana.expect(200, "GET", f"/mentors/{ben.id}"))["avatar"] == his
    assert [one["avatar"] for one in (await ana.expect(200, "GET", "/mentors"))["items"]] == [his]
    shown = await ana.expect(200, "GET", f"/tickets/{ticket['id']}")
    assert (shown["student"]["avatar"], shown["mentor"]["avatar"]) == (hers, his)
    assert (await ana.expect(200, "GET", "/users/me/export"))["account"]["avatar"] == hers


async def test_it_is_served_for_good_and_as_nothing_but_a_picture(student: Join, client: httpx2.AsyncClient) -> None:
    address = await sent(await student())
    for path in files_of(address):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        image = opened(answer.content)
        assert (image.format, f"{image.width}.webp", image.width) == ("WEBP", path.rpartition("/")[2], image.height)
        head = await client.head(path)
        assert (head.status_code, head.content) == (200, b"")


async def test_what_nobody_has_is_not_found(student: Join, client: httpx2.AsyncClient) -> None:
    address = await sent(await student())
    folder = address.rpartition("/")[0]
    for path in (
        f"{folder}/64.webp",
        f"{folder}/256.png",
        f"{folder}0/256.webp",
        f"{folder[:-1]}/256.webp",
        address.replace("/avatars/", "/avatars/0"),
        "/avatars/1-" + "0" * 40 + "/256.webp",
        f"/avatars/{2**63}-" + "0" * 40 + "/256.webp",
        "/avatars/..%2f..%2fsecret_key/256.webp",
        "/avatars/%2e%2e/mentorq.db",
    ):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert "immutable" not in answer.headers["Cache-Control"]


async def test_a_new_one_has_a_new_address_and_the_old_one_goes(
    student: Join, client: httpx2.AsyncClient, worker: Worker, tmp_path: Path
) -> None:
    ana = await student()
    first, second, third = await sent(ana), await sent(ana, BLUE_ONE), await sent(ana)
    assert len({first, second, third}) == 3, "the same picture, too: an address is never used again"
    assert kept(tmp_path) == files_of(first) | files_of(second) | files_of(third)
    await worker.drain()
    assert kept(tmp_path) == files_of(third)
    assert (await client.get(first)).status_code == 404
    await ana.expect(204, "DELETE", "/users/me/avatar")
    assert (await ana.expect(200, "GET", "/auth/me"))["avatar"] is None
    await worker.drain()
    assert kept(tmp_path) == set()
    assert (await client.get(third)).status_code == 404
    await ana.expect(204, "DELETE", "/users/me/avatar")


async def test_it_goes_with_the_account(student: Join, worker: Worker, tmp_path: Path) -> None:
    ana, eve = await student(), await student()
    await sent(ana)
    hers = await sent(eve)
    left = await ana.request("DELETE", "/users/me", json={"password": PASSWORD})
    assert left.status_code == 204
    await worker.drain()
    assert kept(tmp_path) == files_of(hers)


async def test_what_is_kept_and_never_named_goes_after_a_while(
    student: Join, database: Database, worker: Worker, tmp_path: Path
) -> None:
    ana = await student()
    named = await sent(ana)
    lost = await avatars.keep(database, ana.id, BLUE_ONE)  # and then the transaction fails
    await worker.drain()
    assert kept(tmp_path) == files_of(named) | files_of(lost)
    async with database.write() as db:
        await db.execute(sa.text("UPDATE jobs SET run_at = :soon"), {"soon": now() - timedelta(seconds=1)})
    await worker.drain()
    assert kept(tmp_path) == files_of(named)


@pytest.mark.parametrize("name", NO_PICTURES)
async def test_it_is_the_content_that_counts(name: str, student: Join) -> None:
    ana = await student()
    problem(await send(ana, NO_PICTURES[name]), 415, "unsupported_picture")
    assert (await ana.expect(200, "GET", "/auth/me"))["avatar"] is None


async def test_a_wrong_name_does_no_harm(student: Join) -> None:
    ana = await student()
    for name, kind in (("me.exe", "application/x-msdownload"), ("../../me.html", "text/html"), ("ü\x00", "")):
        assert (await send(ana, RED_ONE, name, kind)).status_code == 200


async def test_what_is_too_large_is_refused(student: Join) -> None:
    ana = await student()
    padded = RED_ONE + b"\0" * ((2 << 20) - len(RED_ONE))
    assert (await send(ana, padded)).status_code == 200
    problem(await send(ana, padded + b"\0"), 413, "picture_too_large")
    problem(await send(ana, padded * 2), 413, "body_too_large")
    for bomb in BOMBS.values():
        problem(await send(ana, bomb), 413, "picture_too_large")


async def test_what_does_not_say_how_large_it_is_is_not_read_to_its_end(student: Join) -> None:
    ana = await student()
    pieces = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pieces
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + RED_ONE
        for _ in range(1000):
            pieces += 1
            yield b"\0" * (64 << 10)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await ana.request("PUT", "/users/me/avatar", content=endless(), headers=headers)
    problem(answer, 413, "body_too_large")
    assert pieces < 50


async def test_what_is_no_form_with_a_file_is_refused(student: Join, client: httpx2.AsyncClient) -> None:
    ana = await student()
    requests: list[dict[str, Any]] = [
        {},
        {"files": {"picture": ("a.png", RED_ONE, "image/png")}},
        {"data": {"file": "text"}},
        {"json": {"file": "text"}},
        {"content": RED_ONE, "headers": {"Content-Type": "image/png"}},
        {"content": b"--y", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
    ]
    for request in requests:
        assert (await ana.request("PUT", "/users/me/avatar", **request)).status_code == 422, request
    answer = await client.put("/users/me/avatar", files={"file": ("a.png", RED_ONE, "image/png")})
    problem(answer, 401, "not_signed_in")
    problem(await client.delete("/users/me/avatar"), 401, "not_signed_in")


async def test_a_store_that_fails_loses_nothing(
    student: Join, client: httpx2.AsyncClient, worker: Worker, database: Database, tmp_path: Path
) -> None:
    ana = await student("ana")
    address = await sent(ana)
    files = tmp_path / "files"
    shutil.move(files, tmp_path / "elsewhere")
    files.write_text("in the way")
    refused = await send(ana, BLUE_ONE)
    problem(refused, 503, "pictures_unavailable")
    assert refused.headers["Retry-After"]
    assert (await ana.expect(200, "GET", "/auth/me"))["avatar"] == address
    instead = await client.get(address)
    assert (instead.status_code, instead.headers["Content-Type"]) == (200, "image/svg+xml")
    assert instead.headers["Cache-Control"] == "no-store"
    assert ">AN</text>" in instead.text
    await ana.expect(204, "DELETE", "/users/me/avatar")
    assert (await client.get(address)).status_code == 404
    await worker.drain()
    async with database.read() as db:
        waiting = sa.text("SELECT count(*) FROM jobs WHERE last_error IS NOT NULL AND dead_at IS NULL")
        assert await db.scalar(waiting) == 1, "it will be tried again"
    files.unlink()
    shutil.move(tmp_path / "elsewhere", files)
    async with database.write() as db:
        await db.execute(sa.text("UPDATE jobs SET run_at = :soon"), {"soon": now() - timedelta(seconds=1)})
    await worker.drain()
    assert kept(tmp_path) == set()


async def test_a_picture_that_was_lost_is_shown_as_initials(
    student: Join, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    address = await sent(await student("ana"))
    shutil.rmtree(tmp_path / "files")
    assert ">AN</text>" in (await client.get(address)).text


async def test_in_a_bucket_it_is_the_same(database: Database, student: Join, worker: Worker) -> None:
    ana = await student()
    async with ObjectStore() as bucket:
        object.__setattr__(database.settings, "storage_url", bucket.address)
        first = await sent(ana)
        assert (await ana.get(first)).headers["Content-Type"] == "image/webp"
        assert {kind for _, kind in bucket.files.values()} == {"image/webp"}
        bucket.fails = True
        problem(await send(ana, BLUE_ONE), 503, "pictures_unavailable")
        assert (await ana.get(first)).headers["Content-Type"] == "image/svg+xml"
        bucket.fails = False
        second = await sent(ana, BLUE_ONE)
        await worker.drain()
        assert {f"/{key.removeprefix('people/')}" for key in bucket.files} == files_of(second)


async def test_pronouns_and_what_somebody_learns_are_public(student: Join, client: httpx2.AsyncClient) -> None:
    ana = await student(skills=["sql", "go"])
    changes = {"pronouns": "she/her", "time_zone": "Europe/Lisbon"}
    me = await ana.expect(200, "PATCH", "/users/me", changes)
    assert me["pronouns"] == "she/her"
    shown = (await client.get(f"/users/{ana.id}")).json()
    assert (shown["pronouns"], shown["time_zone"], shown["skills"]) == ("she/her", "Europe/Lisbon", ["go", "sql"])
    for wrong in ("x" * 41, "two\nlines", 1, ["she"]):
        await ana.expect(422, "PATCH", "/users/me", {"pronouns": wrong})
    assert (await ana.expect(200, "PATCH", "/users/me", {"pronouns": ""}))["pronouns"] == ""


async def test_the_address_fits_its_column(database: Database) -> None:
    longest = f"/avatars/{2**63 - 1}-{'0' * 40}/256.webp"
    assert avatars.ADDRESS.fullmatch(longest)
    column = UserRow.__table__.c.avatar.type
    assert isinstance(column, sa.String)
    assert len(longest) <= (column.length or 0)
