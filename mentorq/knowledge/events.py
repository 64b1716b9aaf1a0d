"""What the knowledge base announces."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ArticleUpvoted:
    """Somebody found an article good."""

    ticket_id: int
    user_id: int


@dataclass(frozen=True)
class QuestionDeflected:
    """Somebody found the answer in an article instead of asking."""

    ticket_id: int
    user_id: int


@dataclass(frozen=True)
class ArticleChecked:
    """Somebody says that an article's solution still works, or no longer."""

    ticket_id: int
    user_id: int
    works: bool
