"""How a database answers a question: the plans of its statements, and what is wrong with them."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Set
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from mentorq.core.database import Database, Read, connect_postgresql

BIGGEST_SORT = 3_000

Question = Callable[[Read], Awaitable[object]]


@contextmanager
def overheard(engine: AsyncEngine) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is sent in this block, with its parameters."""
    heard: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        heard.append((statement, parameters))

    sa.event.listen(engine.sync_engine, "before_cursor_execute", listen)
    yield heard
    sa.event.remove(engine.sync_engine, "before_cursor_execute", listen)


async def plans_of(database: Database, question: Question) -> list[tuple[str, Any]]:
    """The plan of each statement of a question; on PostgreSQL the generic one, which our connections always take."""
    engine = database.readers
    async with database.read() as db:
        with overheard(engine) as heard:
            await question(db)
    plans: list[tuple[str, Any]] = []
    for statement, parameters in heard:
        if not statement.startswith("SELECT") or "max(id)" in statement or "SELECT student_id" in statement:
            continue
        explain = explained_by_sqlite if database.is_sqlite else explained_by_postgresql
        plans.append((statement, await explain(database, statement, parameters)))
    assert plans
    return plans


async def explained_by_sqlite(database: Database, statement: str, parameters: Any) -> Any:
    """The rows of EXPLAIN QUERY PLAN."""
    async with database.readers.connect() as connection:
        return (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()


async def explained_by_postgresql(database: Database, statement: str, parameters: Any) -> Any:
    """The row of EXPLAIN, of a prepared statement: with its parameters it would be planned for their values."""
    connection = await connect_postgresql(database.settings.database_url)
    try:
        await connection.execute(f"PREPARE it AS {statement}")
        nulls = ", ".join(["NULL"] * len(parameters))
        return await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE it{f'({nulls})' if nulls else ''}")
    finally:
        await connection.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a PostgreSQL plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def plan_in(rows: Any) -> dict[str, Any]:
    """The tree that EXPLAIN answers."""
    tree: dict[str, Any] = json.loads(rows[0][0])[0]["Plan"]
    return tree


def outline(database: Database, rows: Any) -> str:
    """A plan in few words."""
    if database.is_sqlite:
        return ", ".join(str(row[3]) for row in rows)
    steps = (
        (node["Node Type"], node.get("Relation Name", ""), node.get("Index Name", "")) for node in nodes(plan_in(rows))
    )
    return ", ".join(" ".join(filter(None, step)) for step in steps)


def faults_of_postgresql(plan: dict[str, Any], big: Set[str]) -> Iterator[str]:
    """Big tables that are read whole, big sorts."""
    for node in nodes(plan):
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in big:
            yield f"reads all of {node['Relation Name']}"
        if node["Node Type"] in ("Sort", "Incremental Sort") and node["Plans"][0]["Plan Rows"] > BIGGEST_SORT:
            yield f"sorts {node['Plans'][0]['Plan Rows']} rows"


IN_ORDER_OF_MENTORS = ["SCAN mentor_stats", "SEARCH users USING INTEGER PRIMARY KEY (rowid=?)"]
"""In the order of its primary key, until the page is full."""


def faults_of_sqlite(rows: Any, big: Set[str]) -> Iterator[str]:
    """Big tables that are read whole; sorts that are of more than a bounded subquery."""
    details = [str(row[3]) for row in rows]
    if details[:2] == IN_ORDER_OF_MENTORS and not any("TEMP B-TREE" in detail for detail in details):
        details = details[2:]
    for detail in details:
        if (scanned := re.match(r"SCAN (\w+)( USING .*INDEX)?", detail)) and scanned[1] in big and not scanned[2]:
            yield f"reads all of {scanned[1]}"
    if any("USE TEMP B-TREE FOR ORDER BY" in d for d in details) and not any(
        "newest" in d or "CO-ROUTINE" in d or "MATERIALIZE" in d for d in details
    ):
        yield "sorts"
