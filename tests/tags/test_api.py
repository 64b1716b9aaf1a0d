"""The list of tags."""

import pytest

from tests.support.life import everything
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


async def names(person: Person, query: str, limit: int = 100) -> list[str]:
    """The names in a list of tags."""
    return [tag["name"] for tag in await everything(person, f"/tags{query}", limit)]


async def test_tags_are_listed_by_popularity_or_name_with_their_counts(student: Join, mentor: Join) -> None:
    ana = await student()
    await mentor(skills=["python", "c++"])
    for tags in (["python", "sql"], ["py", "postgres"], ["PYTHON", "C#"], ["sql"]):
        await ana.ask(tags=tags)
    whole = (await ana.client.get("/tags")).json()
    assert [set(tag) for tag in whole["items"]] == [{"id", "name", "tickets", "mentors"}] * 5
    assert [(tag["name"], tag["tickets"], tag["mentors"]) for tag in whole["items"]] == [
        ("python", 3, 1), ("sql", 2, 0), ("c#", 1, 0), ("postgresql", 1, 0), ("c++", 0, 1),
    ]  # fmt: skip
    assert await names(ana, "?sort=name") == ["c#", "c++", "postgresql", "python", "sql"]
    for limit in (1, 2, 4):
        assert await names(ana, "?sort=name", limit) == ["c#", "c++", "postgresql", "python", "sql"]
        assert await names(ana, "", limit) == ["python", "sql", "c#", "postgresql", "c++"]
    assert (await ana.get("/tags?sort=oldest")).status_code == 422


async def test_a_prefix_is_taken_as_it_is(student: Join) -> None:
    ana = await student()
    await ana.ask(tags=["c++", "c#", "c", ".net", "node.js", "css", "čeština"])
    for query, found in {
        "c": ["c", "c#", "c++", "css"],
        "C%2B": ["c++"],
        "c%23": ["c#"],
        ".n": [".net"],
        "node.": ["node.js"],
        "%25": [],
        "_": [],
        "+c": ["c", "c#", "c++", "css"],
        "%C4%8D": ["čeština"],
        "ČE": ["čeština"],
        "zzz": [],
    }.items():
        assert await names(ana, f"?sort=name&q={query}") == found, query
        assert sorted(await names(ana, f"?q={query}", 1)) == found, query
    assert (await ana.get(f"/tags?q={'x' * 36}")).status_code == 422
    assert (await ana.get("/tags?q=%00")).status_code == 422


async def test_the_counter_of_tickets_follows_edits_and_deletions_and_nothing_else(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ana.ask(tags=["python", "sql"])
    path = f"/tickets/{ticket['id']}"

    async def counts() -> dict[str, int]:
        return {tag["name"]: tag["tickets"] for tag in await everything(ana, "/tags")}

    assert await counts() == {"python": 1, "sql": 1}
    await ana.expect(200, "PATCH", path, {"tags": ["sql", "go"]})
    assert await counts() == {"python": 0, "sql": 1, "go": 1}
    await ana.expect(200, "PATCH", path, {"tags": ["go", "sql"], "title": "Same tags"})
    assert await counts() == {"python": 0, "sql": 1, "go": 1}
    await ben.expect(200, "POST", f"{path}/accept")
    await ben.expect(200, "POST", f"{path}/release")
    assert await counts() == {"python": 0, "sql": 1, "go": 1}
    assert (await ana.delete(path)).status_code == 204
    assert await counts() == {"python": 0, "sql": 0, "go": 0}
