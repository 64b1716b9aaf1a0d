"""Who may see a session, and who may do what to it: its two people."""

import sqlalchemy as sa

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Row
from mentorq.core.errors import DomainError
from mentorq.sessions.errors import (
    AnsweredTooLate,
    AwaitsTheOther,
    NotYourTurn,
    SessionNotBegun,
    SessionNotFound,
    SessionNotLive,
    SessionNotRequested,
    SessionOver,
)
from mentorq.sessions.models import SessionRow
from mentorq.sessions.states import TRANSITIONS, Action, Actor, Status

WRONG_STATE: dict[Action, type[DomainError]] = {
    Action.OFFER: SessionNotRequested,
    Action.ACCEPT: SessionNotRequested,
    Action.DECLINE: SessionNotRequested,
    Action.CANCEL: SessionOver,
    Action.END: SessionNotLive,
}


def visible_to(viewer: Viewer) -> sa.ColumnElement[bool]:
    """The condition under which `viewer` may see a session: whose it is. What two people say is theirs, admins or not.

    Nobody is a student in one and a mentor in another, so that one index has all of somebody's sessions.
    """
    own = SessionRow.mentor_id if viewer.is_mentor else SessionRow.student_id
    return own == viewer.id


def side_of(viewer: Viewer) -> str:
    """What the viewer is in each of the sessions that `visible_to` gives."""
    return "mentor" if viewer.is_mentor else "student"


def can(viewer: Viewer, action: Action, session: Row) -> bool:
    """Whether `viewer` may do `action` to `session` now."""
    return refusal(viewer, action, session) is None


def refusal(viewer: Viewer, action: Action, session: Row | None) -> DomainError | None:
    """Why `viewer` may not do `action` to `session` now, or None if nothing speaks against it."""
    transition = TRANSITIONS[action]
    if session is None or viewer.id not in (session["student_id"], session["mentor_id"]):
        return SessionNotFound()
    is_mentor = viewer.id == session["mentor_id"]
    if transition.actor == Actor.MENTOR and not is_mentor:
        return NotYourTurn()
    if transition.actor == Actor.ASKED and not is_mentor and session["awaits"] != "student":
        return NotYourTurn()
    if session["status"] not in transition.sources:
        return WRONG_STATE[action]()
    return _out_of_time(action, session) or _out_of_turn(transition.actor, session, is_mentor=is_mentor)


def _out_of_time(action: Action, session: Row) -> DomainError | None:
    if session["status"] == Status.REQUESTED and action != Action.CANCEL and session["expires_at"] <= now():
        return AnsweredTooLate()
    if action == Action.END and session["starts_at"] > now():
        return SessionNotBegun()
    return None


def _out_of_turn(actor: Actor, session: Row, *, is_mentor: bool) -> DomainError | None:
    is_asked = session["awaits"] == ("mentor" if is_mentor else "student")
    return AwaitsTheOther() if actor == Actor.ASKED and not is_asked else None
