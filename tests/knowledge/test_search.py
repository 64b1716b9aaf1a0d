"""Searching solved tickets: the query language, through the API, the same on both databases."""

from typing import Any

import pytest

from mentorq.core.database import TookTooLong
from mentorq.knowledge import queries, search
from tests.support.life import make_admin
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


class Library:
    """Somebody who asks, somebody who answers, and what they have solved."""

    def __init__(self, student: Person, mentor: Person) -> None:
        self.student, self.mentor = student, mentor

    async def solved(
        self,
        title: str,
        description: str = "It fails.",
        solution: str = "Do this.",
        tags: tuple[str, ...] = (),
        **more: Any,
    ) -> int:
        """A solved ticket; returns its id."""
        ticket = await self.student.ask(title, description=description, tags=list(tags), **more)
        path = f"/tickets/{ticket['id']}"
        await self.mentor.expect(200, "POST", f"{path}/accept")
        await self.mentor.expect(200, "POST", f"{path}/resolve", {"solution": solution})
        number: int = ticket["id"]
        return number

    async def found(self, q: str, **parameters: Any) -> list[int]:
        """The ids of what a search finds, in its order."""
        page = await self.page(q, **parameters)
        return [article["id"] for article in page["items"]]

    async def page(self, q: str, **parameters: Any) -> dict[str, Any]:
        """The first page of a search."""
        answer = await self.student.client.get("/knowledge", params={"q": q, **parameters})
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page


@pytest.fixture
async def library(student: Join, mentor: Join) -> Library:
    """An empty library."""
    return Library(await student(), await mentor())


async def test_all_words_must_be_there_in_any_form(library: Library) -> None:
    both = await library.solved("Installing Django on Windows")
    await library.solved("Installing Flask")
    assert await library.found("install django") == [both]
    assert await library.found("django installs windows") == [both]
    assert await library.found("django fortran") == []


async def test_words_are_found_in_title_description_code_solution_and_tags(library: Library) -> None:
    number = await library.solved(
        "First", "About ducks.\n\n```python\nimport antigravity\n```", "Use `functools`.", tags=("spring-boot",)
    )
    for word in ("first", "duck", "antigravity", "functools", "spring", "springboot", "spring-boot"):
        assert await library.found(word) == [number], word


async def test_words_of_code_are_found_whole_and_in_parts(library: Library) -> None:
    gather = await library.solved("How does asyncio.gather work?", solution="It awaits.")
    apart = await library.solved("Gather data before asyncio starts", solution="It waits.")
    cpp = await library.solved("Undefined behaviour in C++", solution="Initialise it.")
    c = await library.solved("Undefined behaviour in C", solution="Initialise it.")
    error = await library.solved("Odd", "TypeError: 'NoneType' object is not subscriptable", "Check it.")
    node = await library.solved("Node.js does not start", solution="Install it.")
    assert await library.found("asyncio.gather") == [gather]
    assert set(await library.found("asyncio gather")) == {gather, apart}
    assert await library.found("c++") == [cpp]
    assert await library.found("undefined c") == [c]
    assert await library.found("TypeError: 'NoneType' object") == [error]
    assert await library.found("none error") == [error]
    assert await library.found("nodejs") == [node]


async def test_phrases_are_exact(library: Library) -> None:
    exact = await library.solved("Connection refused by the server")
    await library.solved("The server refused my connection")
    await library.solved("A connection was refused")
    await library.solved("Connections refuse")
    assert await library.found('"connection refused"') == [exact]
    assert await library.found('"by the"') == [exact]
    assert await library.found('server "connection refused by"') == [exact]
    assert await library.found('"refused by the serv"') == []


async def test_exclusions_are_exact(library: Library) -> None:
    await library.solved("Paths on Windows")
    linux = await library.solved("Paths on Linux", "Before it worked.")
    mac = await library.solved("Paths on macOS")
    assert set(await library.found("paths -windows")) == {linux, mac}
    assert await library.found("paths -window -before") == [mac]
    assert set(await library.found('paths -"on Windows"')) == {linux, mac}
    assert set(await library.found("-windows")) == {linux, mac}
    assert await library.found("-paths") == []


async def test_filters_in_the_box_and_beside_it(library: Library, mentor: Join) -> None:
    python = await library.solved("One loop", tags=("python", "loops"))
    js = await library.solved("Two loops", tags=("javascript", "loops"))
    other = await mentor("grace")
    library.mentor = other
    by_grace = await library.solved("Three loops", tags=("python",))
    assert set(await library.found("loop tag:python")) == {python, by_grace}
    assert set(await library.found("loop -tag:python")) == {js}
    assert await library.found("loop tag:JS") == [js]
    assert await library.found("mentor:Grace") == [by_grace]
    assert set(await library.found("loop -mentor:grace")) == {python, js}
    assert await library.found("mentor:nobody") == []
    assert set(await library.found("", tag=["python", "js"])) == {python, js, by_grace}
    assert await library.found("loop", tag=["python", "loops"], tags="all") == [python]


async def test_one_typo_for_each_word_where_nothing_matches_exactly(library: Library) -> None:
    number = await library.solved("Recursive functions in OCaml with Menhir")
    page = await library.page("recrusive mehnir")
    assert [article["id"] for article in page["items"]] == [number]
    assert {fix["written"] for fix in page["corrections"]} == {"recrusive", "mehnir"}
    assert any("recursive" in fix["read_as"] for fix in page["corrections"])
    assert (await library.page("recursive menhir"))["corrections"] == []
    assert await library.found("rceursvie") == []


async def test_what_matches_exactly_is_never_read_as_a_typo(library: Library) -> None:
    form = await library.solved("An HTML form")
    await library.solved("Data from the server")
    assert await library.found("form html") == [form]
    assert await library.found("form") == [form]


async def test_accents_and_other_scripts(library: Library) -> None:
    spanish = await library.solved("¿Cómo se define una función?")
    japanese = await library.solved("日本語の文字列を分割する")
    assert await library.found("funcion") == [spanish]
    assert await library.found("FUNCIÓN como") == [spanish]
    assert await library.found("文字列") == [japanese]


async def test_only_what_nearly_every_text_has(library: Library) -> None:
    number = await library.solved("To be or not to be")
    assert await library.found("to be") == [number]
    assert await library.found("the how to be") == []


async def test_a_title_counts_more_than_a_text(library: Library) -> None:
    in_text = await library.solved("Something else", "I wonder what a closure is.")
    in_title = await library.solved("What is a closure?", "I wonder.")
    assert await library.found("closure") == [in_title, in_text]


async def test_orders(library: Library) -> None:
    first = await library.solved("Sorting lists")
    second = await library.solved("Sorting more lists")
    third = await library.solved("Sorting all lists")
    await library.mentor.expect(200, "PUT", f"/knowledge/{second}/upvote")
    assert await library.found("sorting", sort="newest") == [third, second, first]
    assert await library.found("sorting", sort="upvotes") == [second, third, first]
    assert await library.found("", sort="relevance") == [third, second, first]


@pytest.mark.parametrize("sort", ["relevance", "newest", "upvotes"])
@pytest.mark.parametrize("q", ["loop", "", '"a loop"', "loop -never", "lopo"])
async def test_pages_neither_skip_nor_repeat(library: Library, sort: str, q: str) -> None:
    numbers = {await library.solved(f"Question {n} about a loop", "loop " * (n % 3 + 1)) for n in range(7)}
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = await library.page(q, sort=sort, limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [article["id"] for article in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await library.solved("Another loop that came while somebody reads")
    assert sorted(seen) == sorted(numbers)


async def test_what_everything_found_is_tagged_with(library: Library) -> None:
    await library.solved("One loop", tags=("python", "loops"))
    await library.solved("Two loops", tags=("python",))
    await library.solved("Something else", tags=("rust",))
    page = await library.page("loop")
    assert page["facets"] == [{"tag": "python", "articles": 2}, {"tag": "loops", "articles": 1}]
    assert page["counted"] == 2
    everything = await library.page("")
    assert everything["facets"][0] == {"tag": "python", "articles": 2}
    assert everything["counted"] == 3


async def test_highlights_are_text_and_marks_only(library: Library) -> None:
    await library.solved("<b>Loops</b> & more", "Use <script>alert('loop')</script> in a **loop**.")
    (article,) = (await library.page("loop"))["items"]
    assert article["title_highlight"] == "&lt;b&gt;<mark>Loops</mark>&lt;/b&gt; &amp; more"
    assert "<mark>loop</mark>" in article["highlight"]
    assert "<script" not in article["highlight"]
    (article,) = (await library.page(""))["items"]
    assert article["highlight"] is None


async def test_the_index_follows_the_ticket(library: Library) -> None:
    number = await library.solved("A puzzle", solution="First guess.")
    await library.mentor.expect(200, "PATCH", f"/tickets/{number}/solution", {"solution": "Second thought."})
    assert await library.found("guess") == []
    assert await library.found("thought") == [number]
    await library.student.expect(200, "POST", f"/tickets/{number}/reopen", {"reason": "It fails."})
    assert await library.found("thought") == []
    assert (await library.page(""))["counted"] == 0
    await library.mentor.expect(200, "POST", f"/tickets/{number}/resolve", {"solution": "Third time."})
    assert await library.found("third") == [number]
    await library.student.expect(200, "POST", f"/tickets/{number}/close")
    assert await library.found("third") == [number]


async def test_anonymous_askers_stay_so(library: Library, database: Any, student: Join) -> None:
    number = await library.solved("A shy question", is_anonymous=True)
    (article,) = (await library.page("shy"))["items"]
    assert article["id"] == number
    assert article["student"] is None
    assert article["student_id"] is None
    assert await library.found(library.student.username) == []
    admin = await make_admin(database, student)
    page = await admin.expect(200, "GET", "/knowledge?q=shy")
    assert page["items"][0]["student"]["username"] == library.student.username


async def test_what_is_too_long_is_refused_and_what_is_strange_is_not(library: Library) -> None:
    answer = await library.student.client.get("/knowledge", params={"q": "x" * 501})
    assert answer.status_code == 422
    for strange in (
        '"',
        '""',
        "-",
        "--",
        "tag:",
        "mentor:",
        "+ # ^ @ ~",
        "'\\'",
        '"-"',
        "\n\t",
        "x" * 500,
        'tag:"a b"',
        "* AND OR NOT NEAR( {a} : b",
    ):
        assert (await library.page(strange))["items"] == []


async def test_a_search_that_takes_too_long_is_ended(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    await library.solved("Sorting lists")

    async def late(*_: Any, **__: Any) -> list[Any]:
        raise TookTooLong

    monkeypatch.setattr(queries, "found", late)
    answer = await library.student.client.get("/knowledge", params={"q": "sorting"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "search_took_too_long"
    monkeypatch.setattr(queries, "having_most", late)
    answer = await library.student.client.get("/knowledge/similar", params={"title": "sorting"})
    assert answer.status_code == 503


async def test_what_very_many_have_is_found_in_order(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [await library.solved(f"Sorting lists {n}", "Sort this list.") for n in range(6)]
    everything = {sort: await library.found("sort list", sort=sort) for sort in ("relevance", "newest", "upvotes")}
    assert sorted(everything["newest"]) == numbers
    monkeypatch.setattr(search, "FEW", 1)  # now they are very many
    for sort, ids in everything.items():
        assert await library.found("sort list", sort=sort) == ids
        assert await library.found("sort list -never", sort=sort) == ids
    monkeypatch.setattr(queries, "WALKED_AT_MOST", 2)  # and a walk ends before it has them
    queries._walked.cache_clear()
    for sort, ids in everything.items():
        assert await library.found("sort list", sort=sort) == ids
    queries._walked.cache_clear()


async def test_what_was_seen_counts_where_no_way_ends(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [await library.solved(f"Sorting lists {n}") for n in range(3)]
    monkeypatch.setattr(search, "FEW", 1)

    found = queries.found

    async def late(*given: Any, **options: Any) -> list[Any]:
        if options:
            raise TookTooLong
        return await found(*given)

    monkeypatch.setattr(queries, "found", late)
    assert sorted(await library.found("sorting", sort="upvotes")) == numbers


async def test_what_is_read_for_a_phrase_is_bounded(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [await library.solved(f"Sort lists {n}", "How to sort?") for n in range(8)]
    read: list[int] = []
    texts = queries.texts

    async def counted(db: Any, ticket_ids: list[int]) -> Any:
        read.extend(ticket_ids)
        return await texts(db, ticket_ids)

    monkeypatch.setattr(queries, "texts", counted)
    monkeypatch.setattr(search, "VERIFIED_AT_ONCE", 2)
    assert sorted(await library.found('-"lists sort"')) == numbers
    monkeypatch.setattr(search, "MOST_VERIFIED", 4)
    read.clear()
    assert await library.found('"sorts"') == []
    assert set(read) <= set(numbers[-4:])


async def test_a_phrase_of_words_that_very_many_have_is_found_among_the_newest_and_in_titles(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    titled = await library.solved("Sort lists quickly")
    others = [await library.solved(f"Lists {n}", "How to sort lists quickly?") for n in range(4)]
    assert sorted(await library.found('"sort lists quickly"')) == [titled, *others]
    monkeypatch.setattr(search, "RECHECKED", 2)
    monkeypatch.setattr(queries, "WALKED_AT_MOST", 2)
    queries._walked.cache_clear()
    best, *rest = await library.found('"sort lists quickly"')
    queries._walked.cache_clear()
    assert best == titled
    assert set(rest) >= set(others[-2:])
