"""Live sessions: hours, requests and bookings that never overlap, calendars; notifications about them."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import Id, Json, UTCDateTime

revision = "0008"
down_revision = "0007"

BOOKED = "IN ('accepted', 'live')"
PEOPLE = ("mentor", "student")


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("ticket_id", Id, nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("is_now", sa.Boolean(), nullable=False),
        sa.Column("awaits", sa.String(length=10), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("missed_by", sa.String(length=10), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("started_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "status IN ('requested', 'accepted', 'declined', 'cancelled', 'expired', 'live', 'ended')",
            name=op.f("ck_sessions_status_known"),
        ),
        sa.CheckConstraint("awaits IN ('mentor', 'student')", name=op.f("ck_sessions_awaits_known")),
        sa.CheckConstraint("length(topic) <= 200", name=op.f("ck_sessions_topic_length")),
        sa.CheckConstraint("length(reason) <= 1000", name=op.f("ck_sessions_reason_length")),
        sa.CheckConstraint("duration_minutes BETWEEN 15 AND 60", name=op.f("ck_sessions_duration_known")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_sessions_ends_after_start")),
        sa.CheckConstraint(
            "missed_by IS NULL OR missed_by IN ('student', 'mentor', 'both')",
            name=op.f("ck_sessions_missed_by_known"),
        ),
        sa.ForeignKeyConstraint(["student_id"], ["users.id"], name=op.f("fk_sessions_student_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["mentor_id"], ["users.id"], name=op.f("fk_sessions_mentor_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_sessions_ticket_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sessions_student", "sessions", ["student_id", "starts_at", "id"])
    op.create_index("ix_sessions_mentor", "sessions", ["mentor_id", "starts_at", "id"])
    op.create_index("ix_sessions_ticket", "sessions", ["ticket_id"])
    for name, column, status in (
        ("expiry", "expires_at", "requested"),
        ("begin", "starts_at", "accepted"),
        ("finish", "ends_at", "live"),
    ):
        condition = sa.text(f"status = '{status}'")
        op.create_index(f"ix_sessions_{name}", "sessions", [column], postgresql_where=condition, sqlite_where=condition)
    if op.get_bind().dialect.name == "postgresql":
        _exclude_overlaps()
    else:
        _refuse_overlaps()
    op.create_table(
        "schedules",
        sa.Column("mentor_id", Id, autoincrement=False, nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("weekly", Json, nullable=False),
        sa.Column("exceptions", Json, nullable=False),
        sa.Column("minimum_notice_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_minutes", sa.Integer(), nullable=False),
        sa.Column("daily_maximum", sa.Integer(), nullable=True),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["mentor_id"], ["users.id"], name=op.f("fk_schedules_mentor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("mentor_id", name=op.f("pk_schedules")),
    )
    op.create_table(
        "calendars",
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_calendars_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_calendars")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendars_token_hash")),
    )
    op.add_column("notifications", sa.Column("session_id", Id, nullable=True))
    op.create_index("ix_notifications_session", "notifications", ["session_id", "user_id"])


def _exclude_overlaps() -> None:
    """An int8range of one number stands for equality, which GiST knows of ranges without any extension."""
    for person in PEOPLE:
        op.execute(
            f"ALTER TABLE sessions ADD CONSTRAINT ex_sessions_{person} EXCLUDE USING gist ("
            f"int8range({person}_id, {person}_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&"
            f") WHERE (status {BOOKED})"
        )


def _refuse_overlaps() -> None:
    """Whoever writes holds SQLite's only write lock, so what a trigger sees stays true until the commit."""
    for person in PEOPLE:
        for event, others in (("INSERT", ""), ("UPDATE", "AND id <> NEW.id ")):
            overlaps = (
                f"SELECT 1 FROM sessions WHERE {person}_id = NEW.{person}_id AND status {BOOKED} {others}"  # noqa: S608
                "AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at"
            )
            op.execute(
                f"CREATE TRIGGER ex_sessions_{person}_{event.lower()} BEFORE {event} ON sessions "
                f"WHEN NEW.status {BOOKED} AND EXISTS ({overlaps}) "
                f"BEGIN SELECT RAISE(ABORT, 'ex_sessions_{person}'); END"
            )


def downgrade() -> None:
    op.drop_index("ix_notifications_session", table_name="notifications")
    op.drop_column("notifications", "session_id")
    op.drop_table("calendars")
    op.drop_table("schedules")
    op.drop_table("sessions")
