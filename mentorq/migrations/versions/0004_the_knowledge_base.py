"""Solved tickets as articles that can be searched."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from mentorq.core.database import Id, Json, UTCDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "knowledge_terms",
        sa.Column(
            "term", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("articles", Id, nullable=False),
        sa.PrimaryKeyConstraint("term", name=op.f("pk_knowledge_terms")),
    )
    op.create_table(
        "knowledge_totals",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("articles", Id, nullable=False),
        sa.Column("title", Id, nullable=False),
        sa.Column("prose", Id, nullable=False),
        sa.Column("solution", Id, nullable=False),
        sa.Column("code", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_totals")),
    )
    op.create_table(
        "article_bookmarks",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_article_bookmarks_ticket_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_article_bookmarks_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "ticket_id", name=op.f("pk_article_bookmarks")),
    )
    op.create_index(
        "ix_article_bookmarks_newest", "article_bookmarks", ["user_id", "created_at", "ticket_id"], unique=False
    )
    op.create_index(op.f("ix_article_bookmarks_ticket_id"), "article_bookmarks", ["ticket_id"], unique=False)
    op.create_table(
        "article_checks",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_article_checks_ticket_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_article_checks_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "ticket_id", name=op.f("pk_article_checks")),
    )
    op.create_index(op.f("ix_article_checks_ticket_id"), "article_checks", ["ticket_id"], unique=False)
    op.create_table(
        "article_upvotes",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_article_upvotes_ticket_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_article_upvotes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "ticket_id", name=op.f("pk_article_upvotes")),
    )
    op.create_index(op.f("ix_article_upvotes_ticket_id"), "article_upvotes", ["ticket_id"], unique=False)
    op.create_table(
        "articles",
        sa.Column("ticket_id", Id, autoincrement=False, nullable=False),
        sa.Column("upvotes", Id, nullable=False),
        sa.Column("deflected", Id, nullable=False),
        sa.Column("works", Id, nullable=False),
        sa.Column("fails", Id, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_articles_ticket_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_articles")),
    )
    op.create_index("ix_articles_upvotes", "articles", ["upvotes", "ticket_id"], unique=False)
    op.create_table(
        "deflections",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_deflections_ticket_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_deflections_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "ticket_id", name=op.f("pk_deflections")),
    )
    op.create_index("ix_deflections_newest", "deflections", ["created_at", "ticket_id"], unique=False)
    op.create_index(op.f("ix_deflections_ticket_id"), "deflections", ["ticket_id"], unique=False)
    op.create_table(
        "article_index",
        sa.Column("ticket_id", Id, autoincrement=False, nullable=False),
        sa.Column("number", Id, nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("words", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["articles.ticket_id"], name=op.f("fk_article_index_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_article_index")),
        sa.UniqueConstraint("number", name=op.f("uq_article_index_number")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "ix_article_index_words",
            "article_index",
            ["words"],
            postgresql_using="gin",
            postgresql_with={"fastupdate": "on", "gin_pending_list_limit": "256"},
        )
        # Rows stay narrow, so that finding the ids of many matches reads few pages: what is long lies beside them.
        op.execute("ALTER TABLE article_index SET (toast_tuple_target = 128)")
        op.execute("ALTER TABLE article_index ALTER COLUMN words SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE article_index ALTER COLUMN terms SET STORAGE EXTERNAL")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE article_words USING fts5"
            """(words, columnsize = 0, tokenize = "ascii tokenchars '+#^@~._-'")"""
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.drop_table("article_words")
    op.execute("DELETE FROM jobs WHERE task = 'knowledge.catch_up'")
    op.drop_table("article_index")
    op.drop_index(op.f("ix_deflections_ticket_id"), table_name="deflections")
    op.drop_index("ix_deflections_newest", table_name="deflections")
    op.drop_table("deflections")
    op.drop_index("ix_articles_upvotes", table_name="articles")
    op.drop_table("articles")
    op.drop_index(op.f("ix_article_upvotes_ticket_id"), table_name="article_upvotes")
    op.drop_table("article_upvotes")
    op.drop_index(op.f("ix_article_checks_ticket_id"), table_name="article_checks")
    op.drop_table("article_checks")
    op.drop_index(op.f("ix_article_bookmarks_ticket_id"), table_name="article_bookmarks")
    op.drop_index("ix_article_bookmarks_newest", table_name="article_bookmarks")
    op.drop_table("article_bookmarks")
    op.drop_table("knowledge_totals")
    op.drop_table("knowledge_terms")
