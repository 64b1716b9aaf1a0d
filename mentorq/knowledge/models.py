"""Solved tickets as articles: what people do with them, and what the search knows of them.

An article is there if and only if its ticket is published, from the very transaction that publishes it. What people
have said of it (upvotes, bookmarks, checks) hangs on the ticket, so that it survives a ticket that is reopened.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, UTCDateTime

LONGEST_TERM = 64
Term = sa.String(LONGEST_TERM).with_variant(sa.String(LONGEST_TERM, collation="C"), "postgresql")
PENDING = {"fastupdate": "on", "gin_pending_list_limit": "256"}
Words = sa.Text().with_variant(TSVECTOR(), "postgresql")


class ArticleRow(Base):
    """A solved ticket that everyone may read, with what people think of it."""

    __tablename__ = "articles"
    __table_args__ = (sa.Index("ix_articles_upvotes", "upvotes", "ticket_id"),)

    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    upvotes: Mapped[int] = mapped_column(Id, default=0)
    deflected: Mapped[int] = mapped_column(Id, default=0)
    works: Mapped[int] = mapped_column(Id, default=0)
    fails: Mapped[int] = mapped_column(Id, default=0)


class ArticleIndexRow(Base):
    """What the search knows of an article.

    `number` grows with the time of publication: it is the order of articles. `terms` is JSON that only Python reads:
    what the ranking counts. `words` is what PostgreSQL searches; SQLite has nothing there, but the virtual table
    `article_words` (FTS5), whose rows have an article's number, so that the newest are found first.
    """

    __tablename__ = "article_index"
    __table_args__ = (
        # Every search reads through the list of pending changes, so it is short; with none, each word of each new
        # article is put in alone, which takes twice as long.
        sa.Index("ix_article_index_words", "words", postgresql_using="gin", postgresql_with=PENDING),
    )

    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("articles.ticket_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(Id, unique=True)
    mentor_id: Mapped[int] = mapped_column(Id)
    tags: Mapped[list[str]] = mapped_column(Json)
    terms: Mapped[str] = mapped_column(sa.Text)
    words: Mapped[str | None] = mapped_column(Words)


class KnowledgeTermRow(Base):
    """In how many articles a word, part, word of a title, tag or mentor is: see `tokens`."""

    __tablename__ = "knowledge_terms"

    term: Mapped[str] = mapped_column(Term, primary_key=True)
    articles: Mapped[int] = mapped_column(Id)


class KnowledgeTotalsRow(Base):
    """One row: how many articles there are, and how many words their fields have together."""

    __tablename__ = "knowledge_totals"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    articles: Mapped[int] = mapped_column(Id)
    title: Mapped[int] = mapped_column(Id)
    prose: Mapped[int] = mapped_column(Id)
    solution: Mapped[int] = mapped_column(Id)
    code: Mapped[int] = mapped_column(Id)


class ArticleUpvoteRow(Base):
    """Somebody found an article good."""

    __tablename__ = "article_upvotes"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ArticleBookmarkRow(Base):
    """Somebody wants to find an article again."""

    __tablename__ = "article_bookmarks"
    __table_args__ = (sa.Index("ix_article_bookmarks_newest", "user_id", "created_at", "ticket_id"),)

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ArticleCheckRow(Base):
    """Whether the solution, as it is now, still worked for somebody."""

    __tablename__ = "article_checks"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    works: Mapped[bool] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DeflectionRow(Base):
    """Somebody was about to ask, and found the answer in an article instead."""

    __tablename__ = "deflections"
    __table_args__ = (sa.Index("ix_deflections_newest", "created_at", "ticket_id"),)

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
