"""Who may see and do what: the rule for a row at hand is that of the statements, and allows what the table says."""

import pytest
import sqlalchemy as sa

from mentorq.accounts.schemas import ANONYMOUS, Viewer
from mentorq.core.database import Database
from mentorq.tickets import policy
from mentorq.tickets.models import TicketRow
from mentorq.tickets.states import Action, Status
from tests.support.life import STATES, ticket_in
from tests.support.people import Join

pytestmark = pytest.mark.anyio

OWNER, ITS_MENTOR = 1, 2
VIEWERS = {
    "owner": Viewer(OWNER, "student", "ana", 1),
    "owner who became a mentor": Viewer(OWNER, "mentor", "ana", 1),
    "its mentor": Viewer(ITS_MENTOR, "mentor", "ben", 2),
    "another mentor": Viewer(3, "mentor", "mia", 3),
    "another student": Viewer(4, "student", "eve", 4),
    "admin": Viewer(5, "admin", "root", 5),
    "nobody": ANONYMOUS,
}
OF_OWNER = {Status.OPEN: {Action.EDIT}, Status.RESOLVED: {Action.REOPEN, Action.CLOSE}}
ALLOWED: dict[str, dict[Status, set[Action]]] = {
    "owner": OF_OWNER,
    "owner who became a mentor": OF_OWNER,
    "its mentor": {
        Status.OPEN: {Action.ACCEPT},
        Status.ASSIGNED: {Action.EXTEND, Action.RELEASE, Action.RESOLVE},
        Status.RESOLVED: {Action.EDIT_SOLUTION},
    },
    "another mentor": {Status.OPEN: {Action.ACCEPT}},
}
BY_PEOPLE = set(Action) - {Action.CREATE, Action.EXPIRE, Action.AUTO_CLOSE}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("who", VIEWERS)
def test_everybody_can_do_what_the_table_allows_and_nothing_else(who: str, status: Status) -> None:
    mentor_id = None if status == Status.OPEN else ITS_MENTOR
    ticket = {"student_id": OWNER, "assigned_mentor_id": mentor_id, "status": status}
    allowed = {action for action in BY_PEOPLE if policy.can(VIEWERS[who], action, ticket)}
    assert allowed == ALLOWED.get(who, {}).get(status, set())


async def test_a_row_at_hand_may_be_seen_where_statements_find_it(
    database: Database, student: Join, mentor: Join
) -> None:
    ana, eve, ben, mia = await student(), await student(), await mentor(), await mentor()
    for state in STATES:
        await ticket_in(state, ana, ben)
    viewers = [
        *(Viewer(person.id, "student", person.username, 1) for person in (ana, eve)),
        *(Viewer(person.id, "mentor", person.username, 1) for person in (ben, mia)),
        Viewer(10**6, "admin", "root", 1),
        ANONYMOUS,
    ]
    tickets = sa.select(TicketRow.__table__)
    async with database.read() as db:
        rows = await db.rows(tickets)
        assert len(rows) == len(STATES)
        for viewer in viewers:
            seen = {row["id"] for row in rows if policy.may_see(viewer, row)}
            assert {row["id"] for row in await db.rows(tickets.where(policy.visible_to(viewer)))} == seen
            kept = tickets.where(policy.visible_to_role(viewer.role))
            assert {row["id"] for row in await db.rows(kept, {"viewer_id": viewer.id})} == seen
