"""What an article says of itself to search engines (schema.org's QAPage)."""

from typing import Any
from urllib.parse import quote

from mentorq.accounts.schemas import DELETED_NAME

DESCRIBED = 160


def question_page(article: dict[str, Any], public_url: str) -> dict[str, Any]:
    """Question and accepted answer, of an article whose anonymous asker is left out already."""
    address = public_url + quote(article["url"])
    answer = {
        "@type": "Answer",
        "text": article["solution"],
        "url": f"{address}#solution",
        "dateCreated": _time(article["resolved_at"]),
        "upvoteCount": article["upvotes"],
    } | _author(article["mentor"], public_url)
    question = {
        "@type": "Question",
        "name": article["title"],
        "text": article["description"],
        "dateCreated": _time(article["created_at"]),
        "answerCount": 1,
        "acceptedAnswer": answer,
    } | _author(article["student"], public_url)
    return {"@context": "https://schema.org", "@type": "QAPage", "url": address, "mainEntity": question}


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _author(person: dict[str, Any] | None, public_url: str) -> dict[str, Any]:
    """Somebody's name; mentors also have a page."""
    if person is None or person["username"] == DELETED_NAME:
        return {}
    author = {"@type": "Person", "name": person["username"]}
    if person["role"] == "mentor":
        author["url"] = f"{public_url}/people/{quote(person['username'])}"
    return {"author": author}
