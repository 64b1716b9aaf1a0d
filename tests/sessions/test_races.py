"""Two sessions of one person never overlap, whatever happens at once: on both databases, with parallel connections."""

from asyncio import gather
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from mentorq.core.clock import now
from mentorq.core.database import Base, Database
from mentorq.sessions import lifecycle
from tests.support.booking import at, book, stored, wish
from tests.support.people import PASSWORD, Join

pytestmark = pytest.mark.anyio


async def test_of_a_hundred_overlapping_requests_one_is_accepted(
    student: Join, mentor: Join, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    body = {"mentor_id": ben.id, "duration_minutes": 60}
    asked = [
        await ana.expect(201, "POST", "/sessions", body | {"starts_at": at(days=1, seconds=30 * n)}) for n in range(100)
    ]
    answers = await gather(*(ben.post(f"/sessions/{each['id']}/accept") for each in asked))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 99}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}
    async with database.read() as db:
        sessions = Base.metadata.tables["sessions"]
        states = Counter(await db.scalars(sa.select(sessions.c.status)))
    assert states == {"accepted": 1, "requested": 99}


async def test_one_student_with_many_mentors_and_many_students_with_one(student: Join, mentor: Join) -> None:
    for _ in range(3):
        students, mentors = [await student() for _ in range(4)], [await mentor() for _ in range(4)]
        pairs = [(one, other) for one in students for other in mentors]
        asked = [(await wish(one, other, at(days=1)), one, other) for one, other in pairs]
        answers = await gather(*(other.post(f"/sessions/{each['id']}/accept") for each, _, other in asked))
        assert {answer.status_code for answer in answers} <= {200, 409}, [answer.text for answer in answers]
        won = [pair for pair, answer in zip(pairs, answers, strict=True) if answer.status_code == 200]
        for side in (0, 1):
            assert max(Counter(pair[side].id for pair in won).values()) == 1
        assert len(won) >= 1


async def test_accept_cancel_offer_decline_and_the_clock(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    for turn in range(8):
        asked = await wish(ana, ben, at(days=turn + 1))
        path = f"/sessions/{asked['id']}"
        calls = [
            ben.post(f"{path}/accept"), ana.post(f"{path}/cancel"), ben.post(f"{path}/decline"),
            ben.post(f"{path}/offer", {"starts_at": at(days=turn + 1, hours=2)}), sweep(database),
        ]  # fmt: skip
        answers = await gather(*(calls if turn % 2 else reversed(calls)))
        codes = [answer.status_code for answer in answers if answer is not None]
        assert set(codes) <= {200, 409}, [answer.text for answer in answers if answer is not None]
        row = await stored(database, asked["id"])
        assert row["status"] in ("cancelled", "declined", "accepted")
        assert row["sequence"] == codes.count(200), "each that succeeded is seen in calendars"


async def test_a_beginning_session_and_others_at_that_time(student: Join, mentor: Join, database: Database) -> None:
    ana, bea, ben = await student(), await student(), await mentor()
    for turn in range(6):
        booked = await wish(ana, ben)
        later = [await wish(bea, ben) for _ in range(3)]
        await ben.expect(200, "POST", f"/sessions/{booked['id']}/accept")
        answers = await gather(sweep(database), *(ben.post(f"/sessions/{each['id']}/accept") for each in later))
        assert {answer.status_code for answer in answers[1:] if answer is not None} == {409}, turn
        assert (await stored(database, booked["id"]))["status"] == "live"
        await ana.expect(200, "POST", f"/sessions/{booked['id']}/end")


async def sweep(database: Database) -> None:
    """The clock's turn."""
    async with database.write() as db:
        await lifecycle.sweep(db, {})


async def test_leaving_while_booking(student: Join, mentor: Join, database: Database) -> None:
    for _ in range(4):
        ana, ben = await student(), await mentor()
        asked = await wish(ana, ben, at(days=1))
        offered = await wish(ana, ben, at(days=2))
        await ben.expect(200, "POST", f"/sessions/{offered['id']}/offer", {"starts_at": at(days=3)})
        answers = await gather(
            ben.post(f"/sessions/{asked['id']}/accept"),
            ana.post(f"/sessions/{offered['id']}/accept"),
            ben.request("DELETE", "/users/me", json={"password": PASSWORD}),
            ana.post("/sessions", {"mentor_id": ben.id, "starts_at": at(days=5)}),
        )
        assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
        assert answers[2].status_code == 204
        for each in (asked, offered):
            assert (await stored(database, each["id"]))["status"] == "cancelled"


async def test_the_database_itself_allows_no_overlap(student: Join, mentor: Join, database: Database) -> None:
    ana, bea, ben = await student(), await student(), await mentor()
    booked = await book(ana, ben, at(days=1))
    sessions = Base.metadata.tables["sessions"]
    row = await stored(database, booked["id"])
    fresh = {name: value for name, value in row.items() if name != "id"} | {"student_id": bea.id}
    touching = {"starts_at": row["ends_at"], "ends_at": row["ends_at"] + timedelta(minutes=15)}
    inside = {"starts_at": row["ends_at"] - timedelta(seconds=1), "ends_at": row["ends_at"] + timedelta(minutes=1)}

    async def write(statement: sa.Executable) -> None:
        async with database.write() as db:
            await db.execute(statement)

    await write(sa.insert(sessions).values(**fresh | touching))
    with pytest.raises(IntegrityError, match="ex_sessions_"):
        await write(sa.insert(sessions).values(**fresh | inside))
    await write(sa.insert(sessions).values(**fresh | inside | {"status": "requested"}))
    with pytest.raises(IntegrityError, match="ex_sessions_"):
        await write(sa.update(sessions).where(sessions.c.status == "requested").values(status="live", updated_at=now()))
    other = await mentor()
    with pytest.raises(IntegrityError, match="ex_sessions_student"):
        await write(sa.insert(sessions).values(**fresh | inside | {"mentor_id": other.id}))
    await write(sa.insert(sessions).values(**fresh | inside | {"mentor_id": other.id, "status": "ended"}))
