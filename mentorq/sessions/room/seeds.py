"""What the code of a room begins with: the code blocks of the session's ticket, as files; and what it ends as.

A document's files are in its map `files`, by an id: each is a map of `name`, `language`, `position` and `text`.
"""

import re
from collections.abc import Sequence
from typing import Any, TypedDict

import sqlalchemy as sa
import structlog
from pycrdt import Doc, Map, Text

from mentorq.core.database import Read, Write
from mentorq.core.markdown import code_blocks
from mentorq.sessions.models import SessionRow
from mentorq.sessions.room import document_queries as queries
from mentorq.sessions.room import queries as rooms
from mentorq.sessions.room.document import Document
from mentorq.tags.names import InvalidTagName, normalise
from mentorq.tickets.models import TicketRow

log = structlog.get_logger(__name__)

FILES = "files"
MOST_FILES = 6
LONGEST_NAME = 60
NAMES = {
    "python": "main.py",
    "javascript": "main.js",
    "typescript": "main.ts",
    "jsx": "App.jsx",
    "tsx": "App.tsx",
    "java": "Main.java",
    "c": "main.c",
    "c++": "main.cpp",
    "c#": "Program.cs",
    "go": "main.go",
    "rust": "main.rs",
    "ruby": "main.rb",
    "php": "index.php",
    "kotlin": "Main.kt",
    "swift": "main.swift",
    "scala": "Main.scala",
    "dart": "main.dart",
    "haskell": "Main.hs",
    "lua": "main.lua",
    "perl": "main.pl",
    "r": "main.R",
    "sql": "query.sql",
    "bash": "script.sh",
    "powershell": "script.ps1",
    "html": "index.html",
    "css": "style.css",
    "json": "data.json",
    "yaml": "config.yaml",
    "toml": "config.toml",
    "xml": "data.xml",
    "markdown": "notes.md",
    "docker": "Dockerfile",
    "makefile": "Makefile",
    "diff": "changes.diff",
    "text": "notes.txt",
}
"""What a language's file is usually called; in other languages, code is text."""

LANGUAGES_OF_TAGS = {
    "react": "jsx", "vue.js": "javascript", "node.js": "javascript", "express": "javascript", "jquery": "javascript",
    "angular": "typescript", "next.js": "tsx", "django": "python", "flask": "python", "fastapi": "python",
    "pandas": "python", "numpy": "python", "tkinter": "python", "machine-learning": "python", "spring": "java",
    "spring-boot": "java", "junit": "java", "ruby-on-rails": "ruby", "laravel": "php", ".net": "c#",
    "asp.net-core": "c#", "unity": "c#", "flutter": "dart", "android": "kotlin", "ios": "swift", "swiftui": "swift",
    "postgresql": "sql", "mysql": "sql", "sqlite": "sql", "sql-server": "sql", "linux": "bash", "git": "bash",
    "kubernetes": "yaml", "spring-data-jpa": "java", "hibernate": "java", "maven": "xml", "sass": "css",
    "tailwind-css": "html",
}  # fmt: skip
"""In which language those write who ask about something that is none itself."""

SPELLINGS = {
    "mjs": "javascript", "rs": "rust", "sh": "bash", "shell": "bash", "zsh": "bash", "md": "markdown",
    "dockerfile": "docker", "make": "makefile", "ps1": "powershell", "hs": "haskell", "pl": "perl", "htm": "html",
    "patch": "diff", "h": "c", "hpp": "c++", "cc": "c++", "kts": "kotlin", "jsonc": "json", "txt": "text",
    "plaintext": "text", "console": "text", "output": "text", "log": "text", "pytb": "text", "traceback": "text",
}  # fmt: skip
"""What people write after a fence, where a tag of that name would be something else."""

_NAMED = re.compile(r"""\b(?:file(?:name)?|title|name)\s*=\s*["']?([^"'\s}]+)|(?<![=\w])([\w./-]*\w\.\w{1,10})(?!\S)""")
_SAFE_NAME = re.compile(r"[\w.+-]+(?:/[\w.+-]+)*")
_FIRST_WORD = re.compile(r"[^\s:,{}=]+(?![^\s:,{}]*=)")


class File(TypedDict):
    """One of a room's files."""

    id: str
    name: str
    language: str
    text: str


async def plant(db: Write, session_id: int) -> bool:
    """Store what a room's code begins with; False where it has begun already. Makes the room if need be."""
    of_session = sa.select(TicketRow.description, TicketRow.tags).select_from(
        sa.join(SessionRow, TicketRow, TicketRow.id == SessionRow.ticket_id, isouter=True)
    )
    ticket = await db.row(of_session.where(SessionRow.id == session_id))
    if ticket is None:
        return False
    await rooms.open_room(db, session_id)
    return await queries.begin(db, session_id, encode(first_files(ticket["description"] or "", ticket["tags"] or [])))


async def texts(db: Read, session_id: int) -> list[File]:
    """The files of a room as they are stored, in the order of their tabs."""
    document = Document([row["data"] for row in await queries.changes(db, session_id)])
    document.close()
    return read_files(document.whole())


# --- what it begins with


def first_files(description: str, tags: Sequence[str]) -> list[File]:
    """The files of a question's code blocks; an empty one where there are none."""
    usual = next(filter(None, map(_language_of_tag, tags)), "python")
    files: list[File] = []
    for info, code in code_blocks(description):
        if code.strip() and len(files) < MOST_FILES:
            language = _language(info) or usual
            name = _given_name(info) or NAMES[language]
            files.append({"id": "", "name": _free(name, files), "language": language, "text": code})
    if not files:
        files.append({"id": "", "name": NAMES[usual], "language": usual, "text": ""})
    return [{**file, "id": f"f{position}"} for position, file in enumerate(files)]


def _language_of_tag(tag: str) -> str | None:
    language = LANGUAGES_OF_TAGS.get(tag, tag)
    return language if language in NAMES else None


def _language(info: str) -> str | None:
    """The language after a fence, or of the file that is named there; None where nothing is said."""
    first, name = _FIRST_WORD.match(info), _given_name(info) or ""
    said, ending = first[0] if first else "", name.rpartition(".")[2]
    if not said and not ending:
        return None
    return (_known_language(said) if said != name else None) or _known_language(ending) or "text"


def _known_language(word: str) -> str | None:
    word = SPELLINGS.get(word.lower(), word.lower())
    try:
        return _language_of_tag(word if word in NAMES else normalise(word))
    except InvalidTagName:
        return None


def _given_name(info: str) -> str | None:
    """A file's name after a fence: `python title="app.py"`, `python app.py`, `src/app.py`."""
    found = _NAMED.search(info.replace(":", " "))
    name = (found[1] or found[2]) if found else ""
    is_fine = _SAFE_NAME.fullmatch(name) and len(name) <= LONGEST_NAME and ".." not in name
    return name if is_fine else None


def _free(name: str, files: Sequence[File]) -> str:
    """The name, with a number where there is such a file: `main2.py`."""
    taken, number, free = {file["name"] for file in files}, 1, name
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    while free in taken:
        number += 1
        free = f"{stem}{number}{dot}{ending}"
    return free


def encode(files: Sequence[File]) -> bytes:
    """A document of these files, as one update."""
    document: Doc[Any] = Doc()
    document[FILES] = Map(
        {
            file["id"]: Map(
                {
                    "name": file["name"],
                    "language": file["language"],
                    "position": position,
                    "text": Text(file["text"]),
                }
            )
            for position, file in enumerate(files)
        }
    )
    return document.get_update()


# --- what it ends as


def read_files(update: bytes) -> list[File]:
    """The files of a document, in the order of their tabs; what is not as files are is left out."""
    document: Doc[Any] = Doc()
    try:
        document.apply_update(update)
        found = document.get(FILES, type=Map)
        files = [(key, found[key]) for key in found]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a panic of the library is no Exception
        log.exception("files cannot be read")
        return []
    read = [(_position(file), key, file) for key, file in files if isinstance(file, Map)]
    return [
        _file(key, file) for _, key, file in sorted(read, key=lambda one: one[:2]) if isinstance(file.get("text"), Text)
    ]


def _position(file: Any) -> float:
    position = file.get("position")
    return float(position) if isinstance(position, int | float) else 0.0


def _file(key: str, file: Any) -> File:
    name, language = file.get("name"), file.get("language")
    return {
        "id": key,
        "name": name[:LONGEST_NAME] if isinstance(name, str) and name.strip() else key,
        "language": language if isinstance(language, str) else "text",
        "text": str(file["text"]),
    }
