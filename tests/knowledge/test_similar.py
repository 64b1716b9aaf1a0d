"""Solved tickets like a draft, or like a ticket that waits."""

import pytest

from tests.knowledge.test_search import Library, library
from tests.support.people import Join

pytestmark = pytest.mark.anyio

__all__ = ["library"]


async def similar(library: Library, **draft: object) -> list[int]:
    """The ids of what is like a draft, best first."""
    answer = await library.student.client.get("/knowledge/similar", params=draft)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found = answer.json()["items"]
    likeness = [article["similarity"] for article in found]
    assert likeness == sorted(likeness, reverse=True)
    assert all(0 < value <= 1 for value in likeness)
    return [article["id"] for article in found]


async def fill(library: Library) -> tuple[int, int, int]:
    """Three questions, of which two are about sorting."""
    return (
        await library.solved("Why does list.sort() return None?", "My sorted list is None.", tags=("python", "lists")),
        await library.solved("Sort a list of dictionaries by key", "How do I sort them?", tags=("python",)),
        await library.solved("Docker cannot find my file", "COPY fails in the Dockerfile.", tags=("docker",)),
    )


async def test_the_most_similar_come_first(library: Library) -> None:
    none, by_key, _ = await fill(library)
    assert await similar(library, title="My list is None after sort") == [none, by_key]
    assert await similar(library, title="Order dictionaries by a key", description="I have a list of them.") == [
        by_key, none,
    ]  # fmt: skip


async def test_a_draft_may_be_only_begun(library: Library) -> None:
    _, _, docker = await fill(library)
    assert await similar(library) == []
    assert await similar(library, title="How to") == []
    assert await similar(library, description="dockerfile") == [docker]
    assert (await library.student.client.get("/knowledge/similar", params={"title": "x" * 201})).status_code == 422


async def test_tags_decide_between_equals(library: Library) -> None:
    one = await library.solved("How do I reverse a string?", tags=("python",))
    other = await library.solved("How do I reverse a string?", tags=("rust",))
    assert await similar(library, title="Reverse a string", tag="rust") == [other, one]
    assert await similar(library, title="Reverse a string", tag="python") == [one, other]


async def test_pages_of_similar_tickets(library: Library) -> None:
    numbers = {await library.solved(f"Reverse a string, question {n}") for n in range(5)}
    seen: list[int] = []
    query = "/knowledge/similar?title=reverse+string&limit=2"
    page = await library.student.expect(200, "GET", query)
    while True:
        seen += [article["id"] for article in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await library.student.expect(200, "GET", f"{query}&cursor={page['next_cursor']}")
    assert len(seen) == len(numbers)
    assert set(seen) == numbers


async def test_of_a_ticket_that_waits(library: Library, student: Join) -> None:
    none, by_key, _ = await fill(library)
    waiting = await library.student.ask("Sorting gives None", description="The list is None.", tags=["python"])
    found = await library.student.expect(200, "GET", f"/tickets/{waiting['id']}/similar")
    assert [article["id"] for article in found["items"]] == [none, by_key]
    eve = await student()
    await eve.expect(404, "GET", f"/tickets/{waiting['id']}/similar")
    await library.mentor.expect(403, "GET", f"/tickets/{waiting['id']}/similar")


async def test_a_solved_ticket_is_not_like_itself(library: Library) -> None:
    none, by_key, _ = await fill(library)
    found = await library.student.expect(200, "GET", f"/tickets/{none}/similar")
    assert [article["id"] for article in found["items"]] == [by_key]
