"""How people want to be told: kept, changed in parts, and always whole when read."""

from typing import Any

import pytest

from mentorq.notifications.kinds import Kind
from tests.support.people import Join

pytestmark = pytest.mark.anyio
PATH = "/notifications/preferences"


async def test_there_is_a_usual_choice_for_every_type(student: Join) -> None:
    ana = await student()
    found = (await ana.get(PATH)).json()
    assert {name for name in found if name in set(Kind)} == set(Kind)
    assert found["ticket_accepted"] == {"in_app": True, "email": "immediate", "push": True}
    assert found["ticket_matching"]["email"] == "daily"
    assert (found["quiet_hours"], found["paused_until"], found["time_zone"]) == (None, None, "UTC")


async def test_what_is_left_out_stays(student: Join) -> None:
    ana = await student()
    usual = (await ana.get(PATH)).json()
    changed = await ana.expect(200, "PUT", PATH, {"message_posted": {"email": "daily"}})
    assert changed == usual | {"message_posted": {"in_app": True, "email": "daily", "push": True}}
    changed = await ana.expect(200, "PUT", PATH, {"quiet_hours": {"start": "22:00", "end": "07:30"}})
    assert changed["message_posted"]["email"] == "daily"
    assert changed["quiet_hours"] == {"start": "22:00", "end": "07:30"}
    assert (await ana.get(PATH)).json() == changed
    back = await ana.expect(200, "PUT", PATH, {"message_posted": usual["message_posted"], "quiet_hours": None})
    assert back == usual


async def test_what_was_read_can_be_sent_back(student: Join) -> None:
    ana = await student()
    found = (await ana.get(PATH)).json()
    assert await ana.expect(200, "PUT", PATH, found) == found
    found |= {"paused_until": "2030-01-01T00:00:00Z", "time_zone": "Asia/Kathmandu"}
    assert await ana.expect(200, "PUT", PATH, found) == found
    assert (await ana.expect(200, "GET", "/auth/me"))["time_zone"] == "Asia/Kathmandu"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"message_posted": {"email": "sometimes"}}, "/message_posted/email"),
        ({"message_posted": {"sms": True}}, "/message_posted/sms"),
        ({"no_such_type": {"email": "off"}}, "/no_such_type"),
        ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, "/quiet_hours/start"),
        ({"quiet_hours": {"start": "07:00", "end": "07:00"}}, "/quiet_hours/end"),
        ({"paused_until": "2030-01-01T00:00:00"}, "/paused_until"),
        ({"paused_until": "0001-01-01T00:00:00+23:59"}, "/paused_until"),
        ({"paused_until": "9999-12-31T23:59:59-23:59"}, "/paused_until"),
        ({"paused_until": 1_900_000_000}, "/paused_until"),
        ({"message_posted": {"push": "yes"}}, "/message_posted/push"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
    ],
)
async def test_what_is_no_choice_is_refused(student: Join, body: dict[str, Any], pointer: str) -> None:
    ana = await student()
    before = (await ana.get(PATH)).json()
    problem = await ana.expect(422, "PUT", PATH, body)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert (await ana.get(PATH)).json() == before
