"""Write the parts of the documentation that follow from the code; with --check, fail where they are out of date.

The diagrams are Mermaid, which code hosts draw and people can read as text.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from pydantic.fields import FieldInfo

from mentorq.community.catalogue import BOTH, MENTORS, STUDENTS
from mentorq.migrations.tables import METADATA
from mentorq.sessions import states as sessions
from mentorq.settings import Settings
from mentorq.tickets.states import LIFE

ROOT = Path(__file__).parent.parent
ACHIEVEMENTS = """\
Each is awarded once, by a rule that looks at what has happened, and keeps the moment that earned it. None counts mere
volume: helping "well" means that the student gave four stars or five. `mentorq db rebuild --achievements` awards what
was earned before anybody looked, for example before an achievement was in the catalogue
(`mentorq/community/catalogue.py`); nobody is told of those.

What is earned stays. Everybody sees it on the profile, but for what a student earned by asking anonymously: its time
would tell who asked."""
NOTE = "<!-- Written by `make format` from the code: change that instead. -->"


def data_model() -> str:
    """The entity-relationship diagram of all tables."""
    tables = sorted(METADATA.tables.values(), key=lambda table: table.name)
    lines = [line for table in tables for line in _entity(table)]
    relations = [line for table in tables for line in _relations(table)]
    return _page("Data model", "erDiagram", [*lines, *relations])


def _entity(table: sa.Table) -> Iterator[str]:
    yield f"    {table.name} {{"
    for column in table.columns:
        marks = [mark for mark, has in (("PK", column.primary_key), ("FK", bool(column.foreign_keys))) if has]
        nullable = ' "may be null"' if column.nullable else ""
        yield f"        {_type(column)} {column.name} {','.join(marks)}{nullable}".rstrip()
    yield "    }"


def _type(column: sa.Column[object]) -> str:
    return type(column.type).__name__.lower()


def _relations(table: sa.Table) -> Iterator[str]:
    for constraint in sorted(table.foreign_key_constraints, key=lambda found: str(found.name)):
        (column,) = constraint.columns
        many = "|o" if column.primary_key and len(table.primary_key.columns) == 1 else "}o"
        one = "o|" if column.nullable else "||"
        yield f"    {constraint.referred_table.name} {one}--{many[::-1]} {table.name} : {column.name}"


def ticket_life() -> str:
    """The state diagram of a ticket, and the table that it is drawn from."""
    arrows = [f"    {step.source or '[*]'} --> {step.target} : {step.action} ({step.actor})" for step in LIFE]
    rows = [f"| {step.source or '–'} | {step.action} | {step.actor} | {step.target} | {step.effect} |" for step in LIFE]
    table = ["| from | action | who | to | what happens |", "| --- | --- | --- | --- | --- |", *rows]
    return _page("A ticket's life", "stateDiagram-v2", arrows) + "\n" + "\n".join(table) + "\n"


def session_life() -> str:
    """The same of a live session."""
    steps = [(source, step) for step in sessions.LIFE for source in step.sources or (None,)]
    arrows = [f"    {source or '[*]'} --> {step.target} : {step.action} ({step.actor})" for source, step in steps]
    rows = [
        f"| {source or '–'} | {step.action} | {step.actor} | {step.target} | {step.effect} |" for source, step in steps
    ]
    table = ["| from | action | who | to | what happens |", "| --- | --- | --- | --- | --- |", *rows]
    return _page("A live session's life", "stateDiagram-v2", arrows) + "\n" + "\n".join(table) + "\n"


def achievements() -> str:
    """What can be achieved."""
    parts = [f"# Achievements\n\n{NOTE}\n\n{ACHIEVEMENTS}"]
    for title, achievements in (("Mentors", MENTORS), ("Students", STUDENTS), ("Both", BOTH)):
        rows = [f"| {each.name} | {each.description} | {each.tier or '–'} | `{each.key}` |" for each in achievements]
        head = ["| achievement | what earns it | tier | key |", "| --- | --- | --- | --- |"]
        parts.append("\n".join([f"## {title}", "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def configuration() -> str:
    """Every environment variable."""
    rows = [f"| `{name.upper()}` | {_default(name)} | {field.description} |" for name, field in _settings()]
    head = ["| variable | default | what it does |", "| --- | --- | --- |"]
    return "\n".join(["# Configuration", "", NOTE, "", *head, *rows, ""])


def example_environment() -> str:
    """A .env file with every variable at its default."""
    lines = ["# Copy this to .env and change what you need. Written by `make format` from mentorq/settings.py."]
    for name, field in _settings():
        lines += ["", f"# {field.description}", f"#{name.upper()}={_plain(name)}"]
    return "\n".join([*lines, ""])


def _settings() -> Iterator[tuple[str, FieldInfo]]:
    yield from Settings.model_fields.items()


def _plain(name: str) -> str:
    default = Settings.model_fields[name].get_default(call_default_factory=True, validated_data={})
    if isinstance(default, bool):
        return "on" if default else "off"
    return ",".join(default) if isinstance(default, list) else str(default)


def _default(name: str) -> str:
    return f"`{_plain(name)}`" if _plain(name) else "–"


def _page(title: str, kind: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", "", NOTE, "", "```mermaid", kind, *lines, "```", ""])


DOCUMENTS = {
    "docs/data-model.md": data_model,
    "docs/ticket-life.md": ticket_life,
    "docs/session-life.md": session_life,
    "docs/achievements.md": achievements,
    "docs/configuration.md": configuration,
    ".env.example": example_environment,
}


def main() -> None:
    """Write, or with --check compare."""
    stale = [name for name, make in DOCUMENTS.items() if not _is_current(ROOT / name, make())]
    if "--check" not in sys.argv:
        for name in stale:
            (ROOT / name).parent.mkdir(exist_ok=True)
            (ROOT / name).write_text(DOCUMENTS[name]())
    elif stale:
        sys.exit(f"out of date: {', '.join(stale)}. Run `make format`.")
    print(f"generated documents: {len(DOCUMENTS)}, of which were out of date: {len(stale)}")


def _is_current(file: Path, content: str) -> bool:
    return file.exists() and file.read_text() == content


if __name__ == "__main__":
    main()
