"""The core: accounts, tickets, tags, mentors, reviews, jobs."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import Id, Json, JsonOrNull, UTCDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", Json, nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "path", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("unique_key", sa.String(length=120), nullable=True),
        sa.Column("run_at", UTCDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("dead_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_jobs_unique_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["run_at"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NULL"),
        sqlite_where=sa.text("dead_at IS NULL"),
    )
    op.create_table(
        "matching_totals",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("tickets", Id, nullable=False),
        sa.Column("last_solved_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matching_totals")),
    )
    op.create_table(
        "tags",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column(
            "name", sa.String(length=35).with_variant(sa.String(length=35, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("tickets", Id, nullable=False),
        sa.Column("mentors", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("name", name=op.f("uq_tags_name")),
    )
    op.create_index("ix_tags_popular", "tags", [sa.text("tickets DESC"), "name"])
    op.create_table(
        "term_frequencies",
        sa.Column(
            "term", sa.String(length=40).with_variant(sa.String(length=40, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("tickets", Id, nullable=False),
        sa.PrimaryKeyConstraint("term", name=op.f("pk_term_frequencies")),
    )
    op.create_table(
        "users",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.String(length=50), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("email_verified_at", UTCDateTime(), nullable=True),
        sa.Column("password_hash", sa.String(length=100), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("bio", sa.Text(), nullable=False),
        sa.Column("headline", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("links", Json, nullable=False),
        sa.Column("avatar", sa.String(length=200), nullable=True),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_seen_at", UTCDateTime(), nullable=False),
        sa.Column("disabled_at", UTCDateTime(), nullable=True),
        sa.Column("deleted_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('student', 'mentor', 'admin')", name=op.f("ck_users_role_known")),
        sa.CheckConstraint("length(bio) <= 2000", name=op.f("ck_users_bio_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_users_role_newest", "users", ["role", "id"], unique=False)
    op.create_table(
        "account_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('reset_password', 'verify_email')", name=op.f("ck_account_tokens_purpose_known")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_account_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_account_tokens")),
    )
    op.create_index(op.f("ix_account_tokens_expires_at"), "account_tokens", ["expires_at"], unique=False)
    op.create_index(op.f("ix_account_tokens_user_id"), "account_tokens", ["user_id"], unique=False)
    op.create_table(
        "mentor_responses",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("seconds", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_mentor_responses_mentor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mentor_responses")),
    )
    op.create_index("ix_mentor_responses_mentor", "mentor_responses", ["mentor_id", "id"], unique=False)
    op.create_table(
        "mentor_stats",
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("tickets_resolved", Id, nullable=False),
        sa.Column("tickets_active", Id, nullable=False),
        sa.Column("rating_sum", Id, nullable=False),
        sa.Column("rating_count", Id, nullable=False),
        sa.Column("rating_rank", sa.Double(), nullable=False),
        sa.Column("median_response_seconds", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_mentor_stats_mentor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mentor_id", name=op.f("pk_mentor_stats")),
    )
    op.create_index("ix_mentor_stats_rating", "mentor_stats", ["rating_rank", "mentor_id"], unique=False)
    op.create_index("ix_mentor_stats_resolved", "mentor_stats", ["tickets_resolved", "mentor_id"], unique=False)
    op.create_table(
        "mentor_tag_records",
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("tag_id", Id, nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("solved", Id, nullable=False),
        sa.Column("rating_sum", Id, nullable=False),
        sa.Column("rating_count", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_mentor_tag_records_mentor_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["tags.id"], name=op.f("fk_mentor_tag_records_tag_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("mentor_id", "tag_id", name=op.f("pk_mentor_tag_records")),
    )
    op.create_index("ix_mentor_tag_records_best", "mentor_tag_records", ["tag_id", "total", "mentor_id"], unique=False)
    op.create_table(
        "mentor_terms",
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column(
            "term", sa.String(length=40).with_variant(sa.String(length=40, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("total", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_mentor_terms_mentor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mentor_id", "term", name=op.f("pk_mentor_terms")),
    )
    op.create_index("ix_mentor_terms_best", "mentor_terms", ["term", "total", "mentor_id"], unique=False)
    op.create_index("ix_mentor_terms_own", "mentor_terms", ["mentor_id", "total"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("user_agent", sa.String(length=300), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_used_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_ins_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"], unique=False)
    op.create_index("ix_sign_ins_user", "sign_ins", ["user_id", "id"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("assigned_mentor_id", Id, nullable=True),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("solution", sa.Text(), nullable=True),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("claim_no", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("first_assigned_at", UTCDateTime(), nullable=True),
        sa.Column("assigned_at", UTCDateTime(), nullable=True),
        sa.Column("responded_at", UTCDateTime(), nullable=True),
        sa.Column("respond_by", UTCDateTime(), nullable=True),
        sa.Column("resolved_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "(status = 'open') = (assigned_mentor_id IS NULL)", name=op.f("ck_tickets_open_has_no_mentor")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'assigned', 'resolved', 'closed')", name=op.f("ck_tickets_status_known")
        ),
        sa.CheckConstraint("length(description) <= 20000", name=op.f("ck_tickets_description_length")),
        sa.CheckConstraint("length(solution) <= 40000", name=op.f("ck_tickets_solution_length")),
        sa.CheckConstraint("length(title) <= 200", name=op.f("ck_tickets_title_length")),
        sa.ForeignKeyConstraint(
            ["assigned_mentor_id"], ["users.id"], name=op.f("fk_tickets_assigned_mentor_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["student_id"], ["users.id"], name=op.f("fk_tickets_student_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_tickets_auto_close",
        "tickets",
        ["resolved_at"],
        unique=False,
        postgresql_where=sa.text("status = 'resolved'"),
        sqlite_where=sa.text("status = 'resolved'"),
    )
    op.create_index(
        "ix_tickets_lease",
        "tickets",
        ["respond_by"],
        unique=False,
        postgresql_where=sa.text("status = 'assigned'"),
        sqlite_where=sa.text("status = 'assigned'"),
    )
    op.create_index("ix_tickets_mentor", "tickets", ["assigned_mentor_id", "created_at", "id"], unique=False)
    op.create_index("ix_tickets_newest", "tickets", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_tickets_queue",
        "tickets",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
        sqlite_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_tickets_student", "tickets", ["student_id", "created_at", "id"], unique=False)
    op.create_table(
        "user_tags",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("tag_id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name=op.f("fk_user_tags_tag_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_tags_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "tag_id", name=op.f("pk_user_tags")),
    )
    op.create_index("ix_user_tags_tag", "user_tags", ["tag_id", "user_id"], unique=False)
    op.create_table(
        "asked_terms",
        sa.Column("ticket_id", Id, autoincrement=False, nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_asked_terms_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_asked_terms")),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("sign_in_id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("spent_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sign_in_id"], ["sign_ins.id"], name=op.f("fk_refresh_tokens_sign_in_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(op.f("ix_refresh_tokens_sign_in_id"), "refresh_tokens", ["sign_in_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("length(comment) <= 2000", name=op.f("ck_reviews_comment_length")),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_reviews_rating_known")),
        sa.ForeignKeyConstraint(["mentor_id"], ["users.id"], name=op.f("fk_reviews_mentor_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["student_id"], ["users.id"], name=op.f("fk_reviews_student_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_reviews_ticket_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("ticket_id", name=op.f("uq_reviews_ticket_id")),
    )
    op.create_index("ix_reviews_mentor", "reviews", ["mentor_id", "id"], unique=False)
    op.create_index(op.f("ix_reviews_student_id"), "reviews", ["student_id"], unique=False)
    op.create_table(
        "solution_drafts",
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("length(body) <= 40000", name=op.f("ck_solution_drafts_body_length")),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_solution_drafts_mentor_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_solution_drafts_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", "mentor_id", name=op.f("pk_solution_drafts")),
    )
    op.create_index(op.f("ix_solution_drafts_mentor_id"), "solution_drafts", ["mentor_id"], unique=False)
    op.create_table(
        "solution_versions",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("length(body) <= 40000", name=op.f("ck_solution_versions_body_length")),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_solution_versions_mentor_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_solution_versions_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_solution_versions")),
    )
    op.create_index(op.f("ix_solution_versions_mentor_id"), "solution_versions", ["mentor_id"], unique=False)
    op.create_index("ix_solution_versions_ticket", "solution_versions", ["ticket_id", "id"], unique=False)
    op.create_table(
        "solved_tickets",
        sa.Column("ticket_id", Id, autoincrement=False, nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("solved_at", UTCDateTime(), nullable=False),
        sa.Column("tag_ids", Json, nullable=False),
        sa.Column("terms", JsonOrNull, nullable=True),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_solved_tickets_mentor_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_solved_tickets_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_solved_tickets")),
    )
    op.create_index(op.f("ix_solved_tickets_mentor_id"), "solved_tickets", ["mentor_id"], unique=False)
    op.create_table(
        "ticket_events",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("actor_id", Id, nullable=True),
        sa.Column("from_status", sa.String(length=10), nullable=True),
        sa.Column("to_status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "action IN ('create', 'edit', 'accept', 'extend', 'release', 'expire', 'resolve', 'edit_solution', "
            "'reopen', 'close', 'auto_close')",
            name=op.f("ck_ticket_events_action_known"),
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_ticket_events_actor_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_events_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_events")),
    )
    op.create_index(op.f("ix_ticket_events_actor_id"), "ticket_events", ["actor_id"], unique=False)
    op.create_index("ix_ticket_events_ticket", "ticket_events", ["ticket_id", "id"], unique=False)
    op.create_table(
        "ticket_messages",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("author_id", Id, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("length(body) <= 10000", name=op.f("ck_ticket_messages_body_length")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_ticket_messages_author_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_messages_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_messages")),
    )
    op.create_index(op.f("ix_ticket_messages_author_id"), "ticket_messages", ["author_id"], unique=False)
    op.create_index("ix_ticket_messages_ticket", "ticket_messages", ["ticket_id", "id"], unique=False)
    op.create_table(
        "ticket_passes",
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_ticket_passes_mentor_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_passes_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mentor_id", "ticket_id", name=op.f("pk_ticket_passes")),
    )
    op.create_index("ix_ticket_passes_ticket", "ticket_passes", ["ticket_id"], unique=False)
    op.create_table(
        "ticket_tags",
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("tag_id", Id, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name=op.f("fk_ticket_tags_tag_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_tags_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", "tag_id", name=op.f("pk_ticket_tags")),
    )
    op.create_index("ix_ticket_tags_newest", "ticket_tags", ["tag_id", "created_at", "ticket_id"], unique=False)
    op.create_index(
        "ix_ticket_tags_queue",
        "ticket_tags",
        ["tag_id", "created_at", "ticket_id"],
        unique=False,
        postgresql_where=sa.text("is_open"),
        sqlite_where=sa.text("is_open = 1"),
    )


def downgrade() -> None:
    for table in (
        "ticket_tags",
        "ticket_passes",
        "ticket_messages",
        "ticket_events",
        "solved_tickets",
        "solution_versions",
        "solution_drafts",
        "reviews",
        "refresh_tokens",
        "asked_terms",
        "user_tags",
        "tickets",
        "sign_ins",
        "mentor_terms",
        "mentor_tag_records",
        "mentor_stats",
        "mentor_responses",
        "account_tokens",
        "users",
        "term_frequencies",
        "tags",
        "matching_totals",
        "jobs",
        "idempotency_keys",
    ):
        op.drop_table(table)
