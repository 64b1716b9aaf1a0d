"""What looks like a secret, said at the text that it stands in, with the choice to post it all the same."""

from collections.abc import Mapping

from mentorq.core.secrets import Finding
from mentorq.tickets.errors import LooksLikeSecret
from mentorq.web.locale import gettext as _
from mentorq.web.locale import ngettext
from mentorq.web.pages import Form

ALLOW = "allow_secrets"
MOST = 5
"""More places than these are only counted."""


def allows_secrets(form: Form) -> bool:
    """Whether who filled it in has said that nothing in it is a secret."""
    return form[ALLOW] == "on"


def refuse_secrets(form: Form, error: LooksLikeSecret, names: Mapping[str, str] | None = None) -> None:
    """Note the places at their fields, which may have other names than in the API, and offer to allow them."""
    form.values.setdefault(ALLOW, "")
    for field, places in error.found.items():
        name = (names or {}).get(field, field)
        form.note(name, _sentence(places, _blank_lines(form[name]), has_lines=field != "title"))


def _blank_lines(written: str) -> int:
    """How many lines the API has stripped off the beginning."""
    text = written.replace("\r\n", "\n")
    return text[: len(text) - len(text.lstrip(" \t\n"))].count("\n")


def _sentence(places: list[Finding], above: int, *, has_lines: bool) -> str:
    line, one = _("Line %(line)s looks like %(kind)s."), _("This looks like %(kind)s.")
    told = [
        (line if has_lines else one) % {"line": place.line + above, "kind": _(place.kind)} for place in places[:MOST]
    ]
    rest = len(places) - MOST
    if rest > 0:
        more = ngettext("%(num)s more place looks like a secret.", "%(num)s more places look like a secret.", rest)
        told.append(more % {"num": rest})
    advice = _("Everyone will be able to read it. Remove it, or tick “%(choice)s”.")
    return " ".join([*dict.fromkeys(told), advice % {"choice": _("It is no secret, post it")}])
