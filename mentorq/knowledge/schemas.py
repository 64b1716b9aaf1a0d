"""Articles on the wire."""

import re
from typing import Annotated, Any, Literal
from unicodedata import combining, normalize

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Row
from mentorq.core.inputs import Body, Flag, Text
from mentorq.core.pagination import Page
from mentorq.knowledge.query import LONGEST_QUERY
from mentorq.tickets.models import LONGEST_DESCRIPTION, LONGEST_TITLE
from mentorq.tickets.schemas import EXAMPLE_TICKET, Ticket, as_ticket

SearchText = Annotated[
    Annotated[Text, StringConstraints(max_length=LONGEST_QUERY)] | None,
    Query(
        description='Words, "phrases", -exclusions, `tag:python`, `mentor:ana`; words of code are found whole and in '
        "parts. What matches nothing is read with one typo for each word.",
        examples=["asyncio.gather -windows"],
    ),
]
DraftTitle = Annotated[
    Annotated[Text, StringConstraints(max_length=LONGEST_TITLE)], Query(description="What would be the title.")
]
DraftDescription = Annotated[
    Text,
    AfterValidator(lambda text: text[:LONGEST_DESCRIPTION]),
    Query(description="What would be the description, in Markdown; as much of it as fits into an address will do."),
]
Sort = Literal["relevance", "newest", "upvotes"]

FEWEST_FAILS = 3
FAILS_FOR_ONE_SUCCESS = 2
LONGEST_SLUG = 60

EXAMPLE_ARTICLE: dict[str, Any] = EXAMPLE_TICKET | {
    "status": "closed",
    "assigned_mentor_id": 9,
    "solution": "`list.sort()` sorts in place and gives `None`. Use `sorted(x)`.",
    "assigned_at": "2026-01-31T09:32:00Z",
    "resolved_at": "2026-01-31T09:41:00Z",
    "closed_at": "2026-01-31T10:00:00Z",
    "messages": 2,
    "url": "/solved/12-why-is-my-list-none",
    "upvotes": 4,
    "has_upvoted": False,
    "has_bookmarked": False,
    "deflected": 1,
    "checks": {"works": 3, "fails": 0, "mine": None},
    "is_outdated": False,
    "highlight": "I call <mark>x.sort()</mark> and then x is None.",
    "title_highlight": "Why is my list None?",
}


class Checks(BaseModel):
    """Whether the solution, as it is now, still worked for those who said so."""

    works: int = Field(examples=[3])
    fails: int = Field(examples=[0])
    mine: bool | None = Field(description="What I said.")


class Article(Ticket):
    """A solved ticket that everyone may read."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ARTICLE]})

    url: str = Field(description="Its page.", examples=["/solved/12-why-is-my-list-none"])
    upvotes: int = Field(examples=[4])
    has_upvoted: bool
    has_bookmarked: bool
    deflected: int = Field(description="How many found their answer here instead of asking.", examples=[1])
    checks: Checks
    is_outdated: bool = Field(description="Several people say that it does not work any more.")
    highlight: str | None = Field(
        description="With `q`: the passage that fits best, as HTML that has only text and <mark>."
    )
    title_highlight: str | None = Field(description="With `q`: the title, likewise.")


class SimilarArticle(Article):
    """A solved ticket, and how much it is like what was asked."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ARTICLE | {"similarity": 0.62}]})

    similarity: float = Field(ge=0, le=1, examples=[0.62])


class TagCount(BaseModel):
    """How many of the articles that were found have a tag."""

    tag: str = Field(examples=["python"])
    articles: int = Field(examples=[12])


class Correction(BaseModel):
    """A word that is nowhere, and as what it was read."""

    written: str = Field(examples=["djanog"])
    read_as: list[str] = Field(examples=[["django"]])


class Results(Page[Article]):
    """One page of what was found. The first page also says what all of it is."""

    facets: list[TagCount] | None = Field(description="On the first page: the tags of what was found, commonest first.")
    counted: int | None = Field(description="On the first page: how many were found, counted up to 1,000.")
    corrections: list[Correction] = Field(description="What was taken for a typo, since nothing matched exactly.")


class Upvotes(BaseModel):
    """How an article stands."""

    upvotes: int = Field(examples=[4])
    has_upvoted: bool


class Bookmarked(BaseModel):
    """Whether I have it among my bookmarks."""

    has_bookmarked: bool


class Deflected(BaseModel):
    """How many found their answer in an article instead of asking."""

    deflected: int = Field(examples=[1])


class Check(Body):
    """Whether the solution worked for me."""

    works: Flag


class Deflections(BaseModel):
    """How many questions were answered before they were asked."""

    total: int = Field(examples=[120])
    last_30_days: int = Field(examples=[14])
    articles: list[Article] = Field(description="Those that answered most lately.")


def is_outdated(row: Row) -> bool:
    """Several say that it does not work, and clearly more than say that it does."""
    fails: int = row["fails"]
    works: int = row["works"]
    return fails >= max(FEWEST_FAILS, FAILS_FOR_ONE_SUCCESS * works)


def slug(title: str) -> str:
    """A title as the readable end of an address; may be empty."""
    plain = "".join(c for c in normalize("NFKD", title) if not combining(c)).casefold()
    words = re.findall(r"[a-z0-9]+|[^\W_a-z0-9]+", plain)
    text = "-".join(words)
    if len(text) > LONGEST_SLUG:
        text = text[:LONGEST_SLUG].rpartition("-")[0] or text[:LONGEST_SLUG]
    return text


def url(ticket_id: int, title: str) -> str:
    """An article's canonical address."""
    return f"/solved/{ticket_id}-{slug(title)}".rstrip("-")


def as_article(row: Row, viewer: Viewer, highlight: tuple[str, str] | None = None) -> dict[str, Any]:
    """Article out of a row of `queries.articles`, as `viewer` may see it; `highlight`: of its title and its text."""
    return as_ticket(row, viewer) | {
        "url": url(row["id"], row["title"]),
        "upvotes": row["upvotes"],
        "has_upvoted": row["has_upvoted"],
        "has_bookmarked": row["has_bookmarked"],
        "deflected": row["deflected"],
        "checks": {"works": row["works"], "fails": row["fails"], "mine": row["my_check"]},
        "is_outdated": is_outdated(row),
        "title_highlight": highlight[0] if highlight else None,
        "highlight": highlight[1] if highlight else None,
    }
