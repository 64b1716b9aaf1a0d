"""Why a mentor and a ticket suit each other, in words: one sentence for each kind of reason, in any language."""

from collections.abc import Callable

from mentorq.core.languages import ENGLISH, Tongue
from mentorq.mentors.matching import Kind, Reason

Say = Callable[[Reason], str]
"""How a reason is said; nothing: not at all."""


def sentence(reason: Reason, tongue: Tongue = ENGLISH) -> str:
    """Return a reason as its reader is told it."""
    return (_TO_MENTORS if reason.reader == "mentor" else _TO_STUDENTS)[reason.kind](reason, tongue)


def duration(seconds: float, tongue: Tongue = ENGLISH) -> str:
    """Return a time as people say it: `20 minutes`, `3 hours`, `2 days`."""
    minutes, hours = seconds / 60, round(seconds / 3600)
    if minutes < 57.5:
        n = max(1, round(minutes) if minutes < 10 else 5 * round(minutes / 5))
        return tongue.ngettext("%(num)s minute", "%(num)s minutes", n) % {"num": n}
    if hours < 36:
        return tongue.ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}
    days = round(hours / 24)
    return tongue.ngettext("%(num)s day", "%(num)s days", days) % {"num": days}


def _solved(reason: Reason, tongue: Tongue) -> str:
    said = tongue.ngettext(
        "Solved %(num)s ticket tagged %(tag)s", "Solved %(num)s tickets tagged %(tag)s", reason.count
    )
    return said % {"num": reason.count, "tag": reason.tags[0]}


def _you_solved(reason: Reason, tongue: Tongue) -> str:
    said = tongue.ngettext(
        "You solved %(num)s ticket tagged %(tag)s", "You solved %(num)s tickets tagged %(tag)s", reason.count
    )
    return said % {"num": reason.count, "tag": reason.tags[0]}


def _rated(reason: Reason, tongue: Tongue) -> str:
    said = tongue.ngettext(
        "Rated %(rating)s of 5 by %(num)s student", "Rated %(rating)s of 5 by %(num)s students", reason.count
    )
    return said % {"num": reason.count, "rating": tongue.rating(reason.rating)}


def _answers(reason: Reason, tongue: Tongue) -> str:
    return tongue.gettext("Answers within about %(time)s") % {"time": duration(reason.seconds, tongue)}


def _waited(reason: Reason, tongue: Tongue) -> str:
    return tongue.gettext("Has waited %(time)s") % {"time": duration(reason.seconds, tongue)}


_TO_STUDENTS: dict[Kind, Callable[[Reason, Tongue], str]] = {
    "helped": lambda _, tongue: tongue.gettext("Helped you before"),
    "solved": _solved,
    "knows": lambda reason, tongue: tongue.gettext("Knows %(tags)s") % {"tags": ", ".join(reason.tags)},
    "alike": lambda _, tongue: tongue.gettext("Solved tickets that read like this one"),
    "rated": _rated,
    "answers": _answers,
    "present": lambda _, tongue: tongue.gettext("Is here now"),
    "outside_hours": lambda _, tongue: tongue.gettext("Outside their usual hours now"),
}
_TO_MENTORS: dict[Kind, Callable[[Reason, Tongue], str]] = {
    "helped": lambda _, tongue: tongue.gettext("You helped this student before"),
    "solved": _you_solved,
    "knows": lambda reason, tongue: tongue.gettext("You know %(tags)s") % {"tags": ", ".join(reason.tags)},
    "alike": lambda _, tongue: tongue.gettext("It reads like tickets that you solved"),
    "waited": _waited,
}
