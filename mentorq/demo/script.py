"""A demonstration's tickets as rows of the tables, and the sums that belong to them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson

from mentorq.demo.content import Content, Question
from mentorq.demo.plot import OPEN, SILENT, TALKING, Life, moment
from mentorq.insights.facts import Kind, whole_seconds
from mentorq.insights.leaderboard import Deed
from mentorq.insights.models import MentorFactRow
from mentorq.insights.queries import FACT
from mentorq.insights.rollups import Key
from mentorq.knowledge.models import ArticleUpvoteRow
from mentorq.maintenance.standings import Pair, added_up
from mentorq.mentors.models import AskedTermsRow, MentorResponseRow, SolvedTicketRow
from mentorq.mentors.terms import growth
from mentorq.reviews.models import ReviewRow
from mentorq.settings import Settings
from mentorq.tickets.models import (
    SolutionDraftRow,
    SolutionVersionRow,
    TicketEventRow,
    TicketMessageRow,
    TicketPassRow,
    TicketRow,
    TicketTagRow,
)
from mentorq.tickets.states import TRANSITIONS, Action, Status

Row = tuple[Any, ...]

COLUMNS: dict[Any, tuple[str, ...]] = {
    TicketRow: (
        "id", "title", "description", "tags", "status", "student_id", "assigned_mentor_id", "is_anonymous", "solution",
        "messages", "claim_no", "version", "created_at", "updated_at", "first_assigned_at", "assigned_at",
        "responded_at", "respond_by", "resolved_at", "closed_at",
    ),
    TicketTagRow: ("ticket_id", "tag_id", "is_open", "created_at"),
    TicketEventRow: ("ticket_id", "action", "actor_id", "from_status", "to_status", "reason", "created_at"),
    TicketMessageRow: ("ticket_id", "author_id", "body", "created_at"),
    SolutionVersionRow: ("ticket_id", "mentor_id", "body", "created_at"),
    SolutionDraftRow: ("ticket_id", "mentor_id", "body", "updated_at"),
    TicketPassRow: ("mentor_id", "ticket_id", "reason", "created_at"),
    ReviewRow: ("ticket_id", "student_id", "mentor_id", "rating", "comment", "created_at"),
    MentorResponseRow: ("mentor_id", "seconds"),
    SolvedTicketRow: ("ticket_id", "mentor_id", "solved_at", "tag_ids", "terms"),
    AskedTermsRow: ("ticket_id", "terms"),
    ArticleUpvoteRow: ("user_id", "ticket_id", "created_at"),
    MentorFactRow: FACT,
}  # fmt: skip
"""The tables that are filled, parents before children."""

STATUS = {OPEN: "open", SILENT: "assigned", TALKING: "assigned", "resolved": "resolved", "closed": "closed"}
STEPS = {
    action: (action.value, step.source.value if step.source else None, step.target.value)
    for action, step in TRANSITIONS.items()
}
COMMENTED = 0.6
FEW_HAVE_MANY = 1.3  # the exponent of upvotes (Pareto): three of five articles have none
MOST_UPVOTES = 40


@dataclass(frozen=True, slots=True)
class Text:
    """A question with whatever is the same wherever it is asked: worked out once. JSON is text already."""

    question: Question
    tags: str
    tag_ids: tuple[int, ...]
    tag_ids_json: str
    solved_terms: Mapping[str, float]
    solved_terms_json: str
    asked_terms_json: str


@dataclass
class Sums:
    """What a community's tickets add to the counters."""

    resolved: Counter[int] = field(default_factory=Counter)
    active: Counter[int] = field(default_factory=Counter)
    ratings: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    tickets_of_tag: Counter[int] = field(default_factory=Counter)
    records: defaultdict[tuple[int, int], list[float]] = field(
        default_factory=lambda: defaultdict(lambda: [0.0, 0, 0, 0])
    )
    """By mentor and tag: total, solved, sum and number of ratings."""
    worth: defaultdict[tuple[int, int], float] = field(default_factory=lambda: defaultdict(float))
    """By mentor and question."""
    solved: Counter[int] = field(default_factory=Counter)
    """By question."""
    last_solved_at: datetime | None = None


@dataclass(frozen=True)
class People:
    """Ids of the cast, by place."""

    students: Sequence[int]
    mentors: Sequence[int]


class Script:
    """Writes lives down as rows."""

    def __init__(
        self, content: Content, texts: Sequence[Text], people: People, settings: Settings, at: datetime, random: Random
    ) -> None:
        self.words = content.people
        self.texts = texts
        self.people = people
        self.at = at
        self.random = random
        self.claim_lease, self.conversation_lease = settings.claim_lease, settings.conversation_lease
        self.rows: dict[Any, list[Row]] = {}
        self.begin()

    def begin(self) -> None:
        """Forget the rows that were written."""
        self.rows = {table: [] for table in COLUMNS}

    def write(self, ticket_id: int, life: Life) -> None:
        """Add one ticket with all that belongs to it."""
        text = self.texts[life.question]
        student = self.people.students[life.student]
        mentor = self.people.mentors[life.mentor] if life.mentor >= 0 else None
        asked = moment(self.at, life, 0)
        is_open = mentor is None
        events = self._events(ticket_id, life, student, mentor)
        self.rows[TicketRow].append(self._ticket(ticket_id, life, text, student, mentor, events))
        self.rows[TicketTagRow] += [(ticket_id, tag_id, is_open, asked) for tag_id in text.tag_ids]
        self.rows[TicketEventRow] += events
        if not life.is_solved:
            self.rows[AskedTermsRow].append((ticket_id, text.asked_terms_json))
        for place in life.passed:
            reason = self.random.choice(self.words.pass_reasons)
            self.rows[TicketPassRow].append((self.people.mentors[place], ticket_id, reason, self.at))
        if mentor is not None:
            self._work(ticket_id, life, text, student, mentor)

    def _work(self, ticket_id: int, life: Life, text: Text, student: int, mentor: int) -> None:
        """What its mentor did, and what came of it."""
        at = self.at
        if life.earlier:
            place, _, until, expired = life.earlier
            reason = "expired" if expired else "released"
            self.rows[TicketPassRow].append((self.people.mentors[place], ticket_id, reason, moment(at, life, until)))
        for said, seconds in zip(text.question.conversation, life.messages, strict=False):
            author = mentor if said.speaker == "mentor" else student
            self.rows[TicketMessageRow].append((ticket_id, author, said.body, moment(at, life, seconds)))
        if life.has_draft:
            begun = text.question.solution[: len(text.question.solution) // 2]
            self.rows[SolutionDraftRow].append((ticket_id, mentor, begun, moment(at, life, life.messages[-1])))
        if life.messages or life.resolved:
            self.rows[MentorResponseRow].append((mentor, round(life.answered - life.accepted)))
        if life.is_solved:
            self._solution(ticket_id, life, text, mentor)
        self.rows[MentorFactRow] += self._facts(ticket_id, life, student, mentor)
        if life.rating:
            comments = self.words.review_comments[life.rating]
            comment = self.random.choice(comments) if self.random.random() < COMMENTED else ""
            reviewed = moment(at, life, life.reviewed)
            self.rows[ReviewRow].append((ticket_id, student, mentor, life.rating, comment, reviewed))

    def _facts(self, ticket_id: int, life: Life, student: int, mentor: int) -> list[Row]:
        """How soon its mentor answered and solved it, and how that was rated."""
        claim = (1 + (life.earlier is not None), mentor, student)
        taken = moment(self.at, life, life.accepted)
        facts: list[Row] = []
        if life.messages or life.resolved:
            answered = moment(self.at, life, life.answered)
            facts.append((ticket_id, Kind.RESPONDED, *claim, answered, whole_seconds(answered - taken)))
        if life.is_solved:
            solved = moment(self.at, life, life.resolved[-1])
            facts.append((ticket_id, Kind.SOLVED, *claim, solved, whole_seconds(solved - taken)))
        if life.rating:
            facts.append((ticket_id, Kind.RATED, *claim, moment(self.at, life, life.reviewed), life.rating))
        return facts

    def _solution(self, ticket_id: int, life: Life, text: Text, mentor: int) -> None:
        solution = text.question.solution
        versions = [*life.resolved, life.edited] if life.edited else life.resolved
        for number, seconds in enumerate(versions, 1):
            body = solution if number == len(versions) else solution.partition("\n\n")[0]
            self.rows[SolutionVersionRow].append((ticket_id, mentor, body, moment(self.at, life, seconds)))
        solved = moment(self.at, life, life.resolved[-1])
        self.rows[SolvedTicketRow].append((ticket_id, mentor, solved, text.tag_ids_json, text.solved_terms_json))
        wished = int(self.random.paretovariate(FEW_HAVE_MANY)) - 1
        readers = self.random.sample(self.people.students, min(wished, MOST_UPVOTES, len(self.people.students)))
        self.rows[ArticleUpvoteRow] += [(reader, ticket_id, solved) for reader in readers]

    def _events(self, ticket_id: int, life: Life, student: int, mentor: int | None) -> list[Row]:
        """All transitions in their order."""
        told: list[tuple[Action, int | None, float, str | None]] = [(Action.CREATE, student, 0.0, None)]
        if life.earlier:
            place, since, until, expired = life.earlier
            other = self.people.mentors[place]
            told.append((Action.ACCEPT, other, since, None))
            if expired:
                told.append((Action.EXPIRE, None, until, "nobody answered in time"))
            else:
                told.append((Action.RELEASE, other, until, self.random.choice(self.words.release_reasons)))
        if mentor is not None:
            told.append((Action.ACCEPT, mentor, life.accepted, None))
        for number, seconds in enumerate(life.resolved):
            if number:
                told.append((Action.REOPEN, student, life.reopened, self.random.choice(self.words.reopen_reasons)))
            told.append((Action.RESOLVE, mentor, seconds, None))
        if life.edited:
            told.append((Action.EDIT_SOLUTION, mentor, life.edited, None))
        if life.closed:
            told.append(
                (Action.AUTO_CLOSE, None, life.closed, None)
                if life.closed_by_clock
                else (Action.CLOSE, student, life.closed, None)
            )
        asked = moment(self.at, life, 0)
        events: list[Row] = []
        for action, actor, seconds, reason in told:
            name, source, target = STEPS[action]
            events.append((ticket_id, name, actor, source, target, reason, asked + timedelta(seconds=seconds)))
        return events

    def _ticket(
        self, ticket_id: int, life: Life, text: Text, student: int, mentor: int | None, events: Sequence[Row]
    ) -> Row:
        at, question = self.at, text.question
        asked = moment(at, life, 0)
        last = max(events[-1][-1], moment(at, life, life.messages[-1]) if life.messages else asked)
        first_taken = life.earlier[1] if life.earlier else life.accepted
        responded = moment(at, life, life.answered) if life.messages or life.resolved else None
        taken = moment(at, life, life.accepted) if mentor is not None else None
        return (
            ticket_id, question.title, question.description, text.tags, STATUS[life.state], student, mentor,
            life.is_anonymous, question.solution if life.is_solved else None, len(life.messages),
            (mentor is not None) + (life.earlier is not None), len(events) + len(life.messages), asked, last,
            moment(at, life, first_taken) if taken else None, taken, responded, self._respond_by(life, text),
            moment(at, life, life.resolved[-1]) if life.resolved else None,
            moment(at, life, life.closed) if life.closed else None,
        )  # fmt: skip

    def _respond_by(self, life: Life, text: Text) -> datetime | None:
        if life.state == SILENT:
            return moment(self.at, life, life.accepted) + self.claim_lease
        if life.state != TALKING:
            return None
        said = zip(text.question.conversation, life.messages, strict=False)
        last = max(seconds for message, seconds in said if message.speaker == "mentor")
        return moment(self.at, life, last) + self.conversation_lease


def sums_of(lives: Sequence[Life], texts: Sequence[Text], people: People, at: datetime) -> Sums:
    """Everything that is counted."""
    sums = Sums()
    for life in lives:
        text = texts[life.question]
        sums.tickets_of_tag.update(text.tag_ids)
        if life.mentor < 0:
            continue
        mentor = people.mentors[life.mentor]
        if not life.is_solved:
            sums.active[mentor] += 1
            continue
        _count_solved(sums, life, text, mentor, at)
    return sums


def _count_solved(sums: Sums, life: Life, text: Text, mentor: int, at: datetime) -> None:
    sums.resolved[mentor] += 1
    sums.solved[life.question] += 1
    solved_at = moment(at, life, life.resolved[-1])
    sums.last_solved_at = max(sums.last_solved_at or solved_at, solved_at)
    worth = growth(solved_at)
    sums.worth[mentor, life.question] += worth
    rated = 1 if life.rating else 0
    ratings = sums.ratings[mentor]
    ratings[0] += life.rating
    ratings[1] += rated
    for tag_id in text.tag_ids:
        record = sums.records[mentor, tag_id]
        record[0] += worth
        record[1] += 1
        record[2] += life.rating
        record[3] += rated


def standings_of(lives: Sequence[Life], texts: Sequence[Text], people: People, at: datetime) -> dict[Key, list[int]]:
    """How mentors stand."""
    between: defaultdict[Pair, list[Deed]] = defaultdict(list)
    reviewed: defaultdict[int, set[int]] = defaultdict(set)
    for life in lives:
        if life.is_solved:
            tag_ids, pair = texts[life.question].tag_ids, (people.mentors[life.mentor], people.students[life.student])
            solved = moment(at, life, life.resolved[-1])
            taken = whole_seconds(solved - moment(at, life, life.accepted))
            between[pair].append(Deed(Kind.SOLVED, solved, taken, tag_ids))
            if life.rating:
                reviewed[pair[1]].add(pair[0])
                between[pair].append(Deed(Kind.RATED, moment(at, life, life.reviewed), life.rating, tag_ids))
    return added_up(between, {student: len(mentors) for student, mentors in reviewed.items()})


def as_json(value: object) -> str:
    """JSON as text."""
    return orjson.dumps(value).decode()


assert set(STATUS.values()) == set(Status)
