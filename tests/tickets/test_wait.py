"""An honest wait."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.tickets.models import TicketRow
from mentorq.tickets.wait import FEWEST_SAMPLES, estimate
from tests.support.life import ticket_in
from tests.support.people import Join

times = st.floats(0, 1e7)


def test_fewer_than_five_that_waited_as_long_are_too_few() -> None:
    assert estimate([], 0) is None
    assert estimate([60.0] * 4, 0) is None
    assert estimate([60.0] * 100, 61) is None
    assert estimate([60.0] * 5, 60) is not None


def test_it_is_the_middle_half_of_what_is_left() -> None:
    found = estimate([100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0], 0)
    assert found is not None
    assert (found.low, found.high) == (200, 600)
    later = estimate([100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0], 150)
    assert later is not None
    assert later.low < found.low + 150


@given(st.lists(times, max_size=60), times)
def test_it_is_a_range_within_what_was_seen_or_nothing(samples: list[float], waited: float) -> None:
    left = [sample - waited for sample in samples if sample >= waited]
    found = estimate(samples, waited)
    if len(left) < FEWEST_SAMPLES:
        assert found is None
    else:
        assert found is not None
        assert round(min(left)) <= found.low <= found.high <= round(max(left))


@given(st.lists(times, min_size=5, max_size=60), times, st.randoms())
def test_it_does_not_depend_on_order(samples: list[float], waited: float, random: object) -> None:
    assert estimate(samples, waited) == estimate(sorted(samples), waited)


@pytest.mark.anyio
async def test_the_place_in_the_queue_is_counted(student: Join, mentor: Join) -> None:
    ana, eve = await student(), await student()
    ben = await mentor(skills=["python"])
    await eve.ask(tags=["go"])
    await eve.ask(tags=["python", "sql"])
    mine = await ana.ask(tags=["python"])
    await eve.ask(tags=["python"])
    path = f"/tickets/{mine['id']}/wait"
    wait = await ana.expect(200, "GET", path)
    assert wait == {"position": 3, "ahead_with_same_tags": 1, "estimate_seconds": None, "active_mentors": 1}
    await ticket_in("assigned", eve, ben)
    assert (await ana.expect(200, "GET", path))["position"] == 3, "who comes later does not matter"
    first = (await eve.expect(200, "GET", "/tickets?sort=oldest"))["items"][0]["id"]
    await ben.expect(200, "POST", f"/tickets/{first}/accept")
    assert (await ana.expect(200, "GET", path))["position"] == 2
    await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
    assert (await ana.expect(200, "GET", path))["active_mentors"] == 0


@pytest.mark.anyio
async def test_an_estimate_is_given_from_five_tickets_on_and_only_while_somebody_is_there(
    student: Join, mentor: Join, database: Database
) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    mine = await ana.ask(tags=["python"])
    path = f"/tickets/{mine['id']}/wait"
    for minutes in (10, 20, 30, 40, 50):
        assert (await ana.expect(200, "GET", path))["estimate_seconds"] is None
        taken = await ticket_in("closed", ana, ben, tags=["python"])
        async with database.write() as db:
            asked = now() - timedelta(days=2)
            await db.execute(
                sa.update(TicketRow)
                .where(TicketRow.id == taken["id"])
                .values(created_at=asked, first_assigned_at=asked + timedelta(minutes=minutes))
            )
            await db.execute(
                sa.text("UPDATE ticket_tags SET created_at = :asked WHERE ticket_id = :id").bindparams(
                    sa.bindparam("asked", asked, TicketRow.__table__.c.created_at.type), id=taken["id"]
                )
            )
    found = (await ana.expect(200, "GET", path))["estimate_seconds"]
    assert 600 <= found["low"] < found["high"] <= 3000
    async with database.write() as db:
        past = now() - timedelta(hours=25)
        await db.execute(sa.update(UserRow).where(UserRow.id == ben.id).values(last_seen_at=past))
    gone = await ana.expect(200, "GET", path)
    assert (gone["estimate_seconds"], gone["active_mentors"]) == (None, 0)
