"""A mentor's hours as a form: rows of weekdays and of single days, which come and go without scripts, too."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from babel import dates
from fastapi import APIRouter, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.core.http import Read, Write
from mentorq.core.languages import locale_of
from mentorq.sessions import schedule
from mentorq.sessions.hours import Span
from mentorq.sessions.schemas import Hours, Schedule, ScheduleChange
from mentorq.web import locale, moments
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Answer, Form, PageRoute, redirect, render
from mentorq.web.settings_pages import time_zones
from mentorq.web.signins import VisitingMentor

router = APIRouter(prefix="/app/settings/schedule", route_class=PageRoute)

PATH = "/app/settings/schedule"
MOST_FIELDS = 5_000
MOST_DAYS_SHOWN = 5
SINGLE = "x"
"""Rows of single days have names that begin with this, those of weekdays with `d0` to `d6`."""

ROW = re.compile(r"(d[0-6]|x)\.(\d{1,4})\.(date|start|end)")
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
NOTICES = (0, 15, 30, 60, 120, 240, 720, 1_440, 2_880, 10_080)
PAUSES = (0, 5, 10, 15, 30, 60)
NAMES = {"minimum_notice_minutes": "notice", "buffer_minutes": "pause", "daily_maximum": "most", "exceptions": SINGLE}
"""What fields of the API are called in the form."""


@dataclass(frozen=True)
class Day:
    """What is free on a day, in words."""

    name: str
    spans: list[str]


@router.get("")
async def page(request: Request, mentor: VisitingMentor, db: Read) -> Response:
    """When one may be asked for a session."""
    return await _page(request, db, mentor, form_of(await schedule.get(db, mentor), mentor))


@router.post("")
async def change(request: Request, mentor: VisitingMentor, reads: Read, db: Write) -> Response:
    """Save the hours; or, by other buttons, one more row, one less, or a look at what would be free."""
    form = await Form.read(request, MOST_FIELDS)
    if "add" in form.values:
        return await _page(request, reads, mentor, form, focus=_add(form))
    if "remove" in form.values:
        return await _page(request, reads, mentor, form, focus=_remove(form))
    if form["act"] == "preview":
        return await _page(request, reads, mentor, form)
    body = change_in(form)
    if body is not None and not body.weekly and not any(day.hours for day in body.exceptions):
        form.note("", _("Fill in some hours, or remove them all below: then students may ask you for any time."))
        body = None
    if body is None:
        raise Answer(await _page(request, reads, mentor, form, 422))
    await schedule.put(db, mentor, body)
    return redirect(request, PATH, "schedule_saved")


@router.get("/drop")
async def drop_page(request: Request, mentor: VisitingMentor) -> Response:
    """The form that the page of hours has in a dialog."""
    return render(request, "schedule_drop.html")


@router.post("/drop")
async def drop(request: Request, mentor: VisitingMentor, db: Write) -> Response:
    """Have no hours any longer."""
    await schedule.drop(db, mentor)
    return redirect(request, PATH, "schedule_dropped")


async def _page(
    request: Request, db: Read, mentor: Viewer, form: Form, status: int = 200, *, focus: str = ""
) -> Response:
    looked = Form(form.values)
    change = change_in(looked)
    saved = await schedule.get(db, mentor)
    return render(
        request,
        "schedule.html",
        status,
        form=form,
        rows={name: rows_of(form, name) for name in _groups()},
        weekdays=weekdays(),
        is_set=saved.is_set,
        free=None if change is None else _in_words(await schedule.preview(db, mentor, change), change.time_zone),
        has_hours=change is not None and bool(change.weekly or change.exceptions),
        zones=time_zones(),
        notices=_choices(NOTICES, form["notice"], _("None: at any moment")),
        pauses=_choices(PAUSES, form["pause"], _("No pause")),
        today=moments.today(mentor),
        focus=focus,
    )


def _groups() -> list[str]:
    return [*(f"d{day}" for day in range(7)), SINGLE]


def weekdays() -> list[str]:
    """Their names in the page's language, Monday first."""
    names = dates.get_day_names("wide", context="stand-alone", locale=locale_of(locale.language.get()))
    return [names[day][:1].upper() + names[day][1:] for day in range(7)]


def _choices(usual: Sequence[int], chosen: str, none: str) -> list[tuple[str, str]]:
    """Some lengths to choose from, and the chosen one, which may be another."""
    all_of_them = sorted({*usual, *([int(chosen)] if chosen.isdecimal() and len(chosen) < 6 else [])})
    return [(str(minutes), locale.span(60 * minutes) if minutes else none) for minutes in all_of_them]


def _in_words(slots: Sequence[Span], zone: str) -> list[Day]:
    """What is free on the first days, each span as long as possible, on the clocks of `zone`."""
    token = locale.zone.set(zone)
    try:
        days: dict[str, list[Span]] = {}
        for begin, end in slots:
            spans = days.setdefault(locale.day_ahead(locale.date_of(begin)), [])
            if spans and begin <= spans[-1][1]:
                spans[-1] = spans[-1][0], end
            else:
                spans.append((begin, end))
        words = _("%(begin)s to %(end)s")
        return [
            Day(name, [words % {"begin": locale.hour(begin), "end": locale.hour(end)} for begin, end in spans])
            for name, spans in list(days.items())[:MOST_DAYS_SHOWN]
        ]
    finally:
        locale.zone.reset(token)


# --- the form


def form_of(saved: Schedule, mentor: Viewer) -> Form:
    """The hours, filled in; single days that are over are left out: they say nothing any longer."""
    values = {
        "time_zone": saved.time_zone,
        "notice": str(saved.minimum_notice_minutes),
        "pause": str(saved.buffer_minutes),
        "most": "" if saved.daily_maximum is None else str(saved.daily_maximum),
    }
    today = moments.today(mentor)
    rows: list[tuple[str, str, Hours | None]] = [(f"d{hours.weekday}", "", hours) for hours in saved.weekly]
    for day in (day for day in saved.exceptions if day.date >= today):
        rows += [(SINGLE, day.date.isoformat(), hours) for hours in (day.hours or (None,))]
    for number, (group, day_of_it, hours) in enumerate(rows):
        row = f"{group}.{number}"
        values |= {f"{row}.start": hours.start if hours else "", f"{row}.end": _shown(hours.end) if hours else ""}
        if day_of_it:
            values[f"{row}.date"] = day_of_it
    return Form(values)


def _shown(end: str) -> str:
    """The field of a time has no 24:00."""
    return "00:00" if end == "24:00" else end


def rows_of(form: Form, group: str) -> list[str]:
    """The names of a group's rows, in their order."""
    matches = (ROW.fullmatch(name) for name in form.values)
    numbers = sorted({int(match[2]) for match in matches if match and match[1] == group})
    return [f"{group}.{number}" for number in numbers]


def _add(form: Form) -> str:
    """Add an empty row to the group that the button is of; gives its name."""
    group = form["add"]
    if group not in _groups():
        return ""
    last = max((int(row.rpartition(".")[2]) for row in rows_of(form, group)), default=-1)
    row = f"{group}.{last + 1}"
    form.values[f"{row}.start"] = ""
    return row


def _remove(form: Form) -> str:
    """Take a row away; gives the group that it was of."""
    row = form["remove"]
    for part in ("date", "start", "end"):
        form.values.pop(f"{row}.{part}", None)
    return row.partition(".")[0]


def change_in(form: Form) -> ScheduleChange | None:
    """The hours that a form says; None, with the errors noted, where that is nothing sensible."""
    weekly = [
        {"weekday": day, "start": start, "end": end} for day in range(7) for _row, start, end in _hours(form, f"d{day}")
    ]
    fields: dict[str, Any] = {
        "time_zone": form["time_zone"],
        "weekly": weekly,
        "exceptions": _exceptions(form),
        "minimum_notice_minutes": form.number("notice") or 0,
        "buffer_minutes": form.number("pause") or 0,
        "daily_maximum": form.number("most"),
    }
    body = form.fit(ScheduleChange, **fields)
    form.rename(NAMES)
    return None if form.errors else body


def _exceptions(form: Form) -> list[dict[str, Any]]:
    """Single days with all of their hours; a day that stands alone is off."""
    days: dict[str, list[dict[str, str]]] = {}
    given = {row: (start, end) for row, start, end in _hours(form, SINGLE)}
    for row in rows_of(form, SINGLE):
        day = form[f"{row}.date"]
        if not day and row in given:
            form.note(f"{row}.date", _("Please fill this in."))
        elif day:
            hours = days.setdefault(day, [])
            hours += [{"start": given[row][0], "end": given[row][1]}] if row in given else []
    return [{"date": day, "hours": hours} for day, hours in days.items()]


def _hours(form: Form, group: str) -> Iterator[tuple[str, str, str]]:
    """The rows of a group that say from when until when; what is wrong with the others is noted."""
    for row in rows_of(form, group):
        start, end = form[f"{row}.start"], form[f"{row}.end"]
        if not start and not end:
            continue
        wrong = [part for part, given in (("start", start), ("end", end)) if not CLOCK.fullmatch(given)]
        for part in wrong:
            form.note(f"{row}.{part}", _("Please write a time, as in 22:00."))
        if wrong:
            continue
        if end == "00:00":
            end = "24:00"
        if start >= end:
            form.note(f"{row}.end", _("They must end after they begin. Hours over midnight are two, one on each day."))
            continue
        yield row, start, end
