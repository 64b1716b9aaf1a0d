"""The catalogues of texts: `python -m scripts.translate` brings them up to date; with `--check` it only looks.

Texts are found in templates and code, where they are wrapped in gettext calls, in the sentences of domain errors, in
the kinds of secrets, and in the catalogue of achievements. A catalogue is in order when it has exactly these texts, and
each is translated with the placeholders that it needs.
"""

import argparse
import re
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import mentorq.main  # every module with its errors
from mentorq.community.catalogue import CATALOGUE
from mentorq.core import secrets
from mentorq.core.errors import DomainError
from mentorq.core.languages import LANGUAGES

ROOT = Path(mentorq.main.__file__).parent
LOCALE = ROOT / "locale"
METHODS = [("web/templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"web/templates/**.html": {"trimmed": "false", "extensions": "jinja2.ext.do"}}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def found() -> Catalog:
    """All texts, in the order of the files they are in."""
    catalog = Catalog(project="MentorQ", charset="utf-8")
    for file, _, text, comments, context in extract_from_dir(str(ROOT), METHODS, OPTIONS):
        catalog.add(text, None, [(Path(file).as_posix(), 0)], auto_comments=comments, context=context)
    for error in sorted(_errors(DomainError), key=lambda kind: (kind.__module__, kind.__name__)):
        catalog.add(error.detail, None, [(error.__module__.replace(".", "/") + ".py", 0)])
    for kind in secrets.KINDS:
        catalog.add(kind, None, [("mentorq/core/secrets.py", 0)])
    for achievement in CATALOGUE:
        for text in (achievement.name, achievement.description):
            catalog.add(text, None, [("mentorq/community/catalogue.py", 0)])
    return catalog


def _errors(kind: type[DomainError]) -> set[type[DomainError]]:
    return {kind}.union(*(_errors(below) for below in kind.__subclasses__()))


def merged(language: str) -> Catalog:
    """The catalogue of a language with today's texts; what is new is empty."""
    path = LOCALE / f"{language}.po"
    catalog = Catalog(locale=language, project="MentorQ")
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.update(found(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    for message in catalog:
        message.locations = [(name, 0) for name in sorted({name for name, _ in message.locations})]
    return catalog


def written(catalog: Catalog) -> bytes:
    """A catalogue as a file: no dates, no line numbers, so that it changes with its texts only."""
    out = BytesIO()
    write_po(out, catalog, width=116, omit_header=False, include_lineno=False, sort_output=False)
    lines = out.getvalue().decode().splitlines(keepends=True)
    dates = ('"POT-Creation-Date', '"PO-Revision-Date', '"Last-Translator', '"Language-Team', '"Generated-By')
    return "".join(line for line in lines if not line.startswith((*dates, "# "))).encode()


def faults(catalog: Catalog) -> list[str]:
    """What is missing or wrong in a catalogue."""
    return [fault for message in catalog if message.id and (fault := _fault(message))]


def _fault(message: Message) -> str:
    ids = _all(message.id)
    texts = _all(message.string)
    if not all(texts):
        return f"not translated: {ids[0]}"
    needed = set(PLACEHOLDER.findall(ids[-1]))
    if any(set(PLACEHOLDER.findall(text)) - needed for text in texts) or set(PLACEHOLDER.findall(texts[-1])) != needed:
        return f"other placeholders: {ids[0]}"
    return ""


def _all(given: Any) -> list[str]:
    """The one text, or singular and plurals."""
    return list(given) if isinstance(given, (list, tuple)) else [given or ""]


def main() -> None:
    """Update or check every language but English, which the texts are written in."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--check", action="store_true")
    is_check = options.parse_args().check
    wrong = []
    for language in LANGUAGES.keys() - {"en"}:
        path, catalog = LOCALE / f"{language}.po", merged(language)
        wrong += [f"{language}: {fault}" for fault in faults(catalog)]
        if not is_check:
            LOCALE.mkdir(exist_ok=True)
            path.write_bytes(written(catalog))
        elif not path.exists() or path.read_bytes() != written(catalog):
            wrong.append(f"{language}: not up to date; run python -m scripts.translate")
    print("\n".join(wrong) or "translations are complete")
    sys.exit(1 if wrong and is_check else 0)


if __name__ == "__main__":
    main()
