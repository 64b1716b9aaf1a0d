"""The query language: total, and evaluated alike by a model in Python, by SQLite and by PostgreSQL."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentorq.knowledge import tokens
from mentorq.knowledge.analysis import analyse, as_text, as_tsvector, findable
from mentorq.knowledge.query import LONGEST_QUERY, Query, as_match, as_tsquery, parse
from mentorq.knowledge.typos import _edits

TOKENIZER = "ascii tokenchars '+#^@~._-'"
WORDS = st.sampled_from(
    "list sort sorting python c++ c# TypeError asyncio.gather node.js naïve naive the to 文字 e-mail _y_ 3.1".split()
)
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
ARTICLES = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=6)
CLAUSES = st.one_of(
    WORDS, WORDS.map("-{}".format), TEXTS.map('"{}"'.format), TEXTS.map('-"{}"'.format),
    st.sampled_from(["tag:python", "-tag:rust", "mentor:ana", "tag:", '"']),
)  # fmt: skip
QUERIES = st.lists(CLAUSES, min_size=1, max_size=4).map(" ".join)
quick = settings(deadline=None, suppress_health_check=list(HealthCheck))

Article = tuple[str, str, str]


@contextmanager
def fts5(articles: list[Article]) -> Iterator[sqlite3.Connection]:
    """Articles in an index as SQLite has it."""
    connection = sqlite3.connect(":memory:")
    connection.execute(
        f'CREATE VIRTUAL TABLE article_words USING fts5(words, columnsize = 0, tokenize = "{TOKENIZER}")'
    )
    for number, (row, others) in enumerate(map(indexed, articles)):
        connection.execute("INSERT INTO article_words (rowid, words) VALUES (?, ?)", (number, as_text(row, others)))
    yield connection
    connection.close()


def indexed(article: Article) -> tuple[tuple[str, ...], list[str]]:
    """The row of an article's words, and what else it is found by."""
    found = analyse(*article, ["python"])
    return found.row, sorted(findable(found.terms, ["python"], 7) - set(found.row))


def matches(query: Query, article: Article) -> bool:
    """Whether an article has what a query says, by the rules of `query.py` alone."""
    row, others = indexed(article)

    def has(option: tuple[str, ...]) -> bool:
        if len(option) == 1:
            return option[0] in others or option[0] in row
        return any(row[at : at + len(option)] == option for at in range(len(row)))

    wanted = all(any(map(has, clause.options)) for clause in query.wanted)
    return wanted and not any(any(map(has, clause.options)) for clause in query.unwanted)


@quick
@given(ARTICLES, QUERIES)
def test_sqlite_finds_what_the_rules_say(articles: list[Article], text: str) -> None:
    query = parse(text)
    with fts5(articles) as connection:
        rows = connection.execute("SELECT rowid FROM article_words WHERE article_words MATCH ?", [as_match(query)])
        found = {row[0] for row in rows}
    assert found == {number for number, article in enumerate(articles) if matches(query, article)}


@pytest.mark.postgresql
def test_postgresql_finds_what_the_rules_say(postgres_url: str) -> None:
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(postgres_url))

        async def find(articles: list[Article], query: Query) -> set[int]:
            vectors = [as_tsvector(*indexed(article)) for article in articles]
            rows = await connection.fetch(
                "SELECT n - 1 AS n FROM unnest($1::text[]) WITH ORDINALITY AS given (words, n)"
                " WHERE words::tsvector @@ $2::text::tsquery",
                vectors, as_tsquery(query),
            )  # fmt: skip
            return {row["n"] for row in rows}

        @quick
        @given(ARTICLES, QUERIES)
        def holds(articles: list[Article], text: str) -> None:
            query = parse(text)
            expected = {number for number, article in enumerate(articles) if matches(query, article)}
            assert runner.run(find(articles, query)) == expected

        @quick
        @given(st.text(max_size=LONGEST_QUERY))
        def takes_anything(text: str) -> None:
            runner.run(find([("a", "b", text)], parse(text)))

        holds()
        takes_anything()
        runner.run(connection.close())


@quick
@given(st.text(max_size=LONGEST_QUERY))
def test_whatever_is_typed_means_something(text: str) -> None:
    query = parse(text)
    with fts5([("a", "b", text)]) as connection:
        connection.execute("SELECT rowid FROM article_words WHERE article_words MATCH ?", [as_match(query)]).fetchall()
    assert parse(text) == query


@quick
@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=60))
def test_an_article_is_found_by_every_word_of_its_own(word: str) -> None:
    article = ("A title", f"It says {word} here.", "Do this.")
    with fts5([article]) as connection:
        rows = connection.execute("SELECT 1 FROM article_words WHERE article_words MATCH ?", [as_match(parse(word))])
        assert rows.fetchall()


@quick
@given(st.text(max_size=200))
def test_no_word_has_what_a_database_would_have_to_escape(text: str) -> None:
    for word in tokens.words(text):
        for term in (*word.pieces, *word.parts, word.joined):
            assert not set(term) & set("'\"\\ \0") or not term
            assert len(term) <= tokens.LONGEST


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("asyncio.gather", [("asyncio", "gather")]),
        ("C++11 and C#", [("c++",), ("11",), ("and",), ("c#",)]),
        ("__init__.py", [("init",), ("py",)]),
        ("'NoneType'", [("nonetyp",)]),
        ("Función", [("funcion",)]),
        ("日本語", [("日", "本", "語")]),
        ("installing installs installed", [("instal",)] * 3),
    ],
)
def test_words(text: str, pieces: list[tuple[str, ...]]) -> None:
    assert [word.pieces for word in tokens.words(text)] == pieces


def test_parts_of_a_word() -> None:
    (error,) = tokens.words("NullPointerException")
    assert error.parts == ("null", "pointer", "except")
    (node,) = tokens.words("Node.js")
    assert node.joined == "nodej"  # as "nodejs" is, stemmed
    assert tokens.token("nodejs") == "nodej"


def test_stop_words_are_looked_for_only_where_there_are_no_others() -> None:
    assert [clause.written for clause in parse("how to sort a list").wanted] == ["sort", "list"]
    assert [clause.written for clause in parse("to be").wanted] == ["to", "be"]
    assert [clause.written for clause in parse("sort -the").unwanted] == ["the"]


def test_one_edit() -> None:
    made = set(_edits("sort"))
    assert {"sotr", "srt", "sorta", "sart", "ssort"} <= made
    assert "osrtx" not in made


def test_a_query_has_a_bounded_number_of_clauses() -> None:
    assert len(parse(" ".join(f"w{n}" for n in range(200))).clauses) == 48


@pytest.mark.parametrize("size", [100_000])
@pytest.mark.parametrize("bomb", ["a.", "a", "._-", "+#", "aB", "日", "é", '"', "-", "tag:"])
def test_long_texts_are_read_in_linear_time(bomb: str, size: int) -> None:
    text = bomb * (size // len(bomb))
    analyse(text, text, text, [])
    parse(text)
