"""Matching: which mentor suits which ticket, and why."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentorq.mentors import matching
from mentorq.mentors.matching import Asked, Candidate, Match, Record, best_mentors, match, score_of
from mentorq.mentors.reasons import duration, sentence
from mentorq.mentors.terms import LANDMARK, counted, faded, growth, rarity, telling

PYTHON = Asked(student_id=1, tags={"python": 1.0})

names = st.sampled_from(["python", "django", "sql", "rust"])
words = st.sampled_from(["loop", "index", "migrat", "borrow"])
weights = st.floats(0, 1)
amounts = st.floats(0, 1e6)
counts = st.integers(0, 1000)
rated = st.integers(0, 200).flatmap(lambda count: st.tuples(st.integers(count, 5 * count), st.just(count)))


@st.composite
def records(draw: st.DrawFn) -> Record:
    rating_sum, rating_count = draw(rated)
    return Record(draw(amounts), draw(counts), rating_sum, rating_count)


@st.composite
def tickets(draw: st.DrawFn) -> Asked:
    return Asked(
        student_id=1,
        tags=draw(st.dictionaries(names, st.floats(0.01, 20))),
        terms=draw(st.dictionaries(words, weights)),
        waited_seconds=draw(amounts),
        is_anonymous=draw(st.booleans()),
    )


@st.composite
def mentors(draw: st.DrawFn) -> Candidate:
    rating_sum, rating_count = draw(rated)
    return Candidate(
        id=draw(st.integers(2, 100)),
        declared=draw(st.frozensets(names)),
        records=draw(st.dictionaries(names, records())),
        solved_terms=draw(st.dictionaries(words, amounts)),
        tickets_resolved=draw(counts),
        rating_sum=rating_sum,
        rating_count=rating_count,
        median_response_seconds=draw(st.none() | amounts),
        seen_seconds_ago=draw(st.none() | amounts),
        open_tickets=draw(st.integers(0, 4)),
        capacity=draw(st.integers(0, 5)),
        is_available=draw(st.booleans()),
        within_hours=draw(st.booleans()),
        helped_student=draw(counts),
        has_passed=draw(st.booleans()),
    )


def solved(tag: str, recent: float = 1.0, number: int = 1) -> dict[str, Record]:
    return {tag: Record(recent, number)}


def told(found: Match) -> list[str]:
    return [sentence(reason) for reason in found.reasons]


class TestWhoIsSuggested:
    @pytest.mark.parametrize(
        "why",
        [
            {"is_available": False},
            {"open_tickets": 3, "capacity": 3},
            {"open_tickets": 4, "capacity": 3},
            {"capacity": 0},
            {"has_passed": True},
            {"id": 1},
        ],
    )
    def test_who_cannot_take_it_never_is(self, why: dict[str, int]) -> None:
        expert = Candidate(2, records=solved("python", 100, 100))
        assert match(PYTHON, expert)
        assert match(PYTHON, replace(expert, **why)) is None  # type: ignore[arg-type]

    def test_a_mentor_without_any_tie_to_the_ticket_is_not(self) -> None:
        assert match(PYTHON, Candidate(2, declared=frozenset({"rust"}))) is None
        assert best_mentors(PYTHON, [Candidate(2)], 5) == []

    def test_a_newcomer_with_declared_expertise_is_but_after_those_with_a_record(self) -> None:
        newcomer = Candidate(2, declared=frozenset({"python"}))
        proven = Candidate(3, records=solved("python"))
        assert [mentor.id for mentor, _ in best_mentors(PYTHON, [newcomer, proven], 5)] == [3, 2]

    def test_a_record_needs_no_declaration(self) -> None:
        found = match(PYTHON, Candidate(2, records=solved("python")))
        assert found
        assert found.matched_tags == ("python",)

    def test_a_ticket_without_tags_is_matched_by_its_text(self) -> None:
        asked = Asked(1, {}, {"borrow": 0.8, "checker": 0.6})
        found = match(asked, Candidate(2, solved_terms={"borrow": 1.0}))
        assert found
        assert told(found) == ["Solved tickets that read like this one"]

    def test_equals_come_in_the_order_of_their_ids_and_no_more_than_wanted(self) -> None:
        crowd = [Candidate(number, records=solved("python")) for number in (5, 3, 9, 4)]
        assert [mentor.id for mentor, _ in best_mentors(PYTHON, crowd, 3)] == [3, 4, 5]


class TestWhoIsBetter:
    def test_a_rare_tag_counts_more_than_a_common_one(self) -> None:
        asked = Asked(1, {"java": rarity(1000, 900), "avro": rarity(1000, 5)})
        assert score_of(asked, Candidate(2, records=solved("avro"))) > score_of(
            asked, Candidate(3, records=solved("java"))
        )

    def test_the_tenth_ticket_proves_less_than_the_first(self) -> None:
        none, one, two = (
            matching.record(PYTHON, Candidate(2, records=solved("python", number))) for number in (0, 1, 2)
        )
        assert one - none > two - one > 0

    def test_one_bad_rating_does_not_undo_many_solved_tickets(self) -> None:
        unlucky = Candidate(2, records={"python": Record(10, 10, 1, 1)}, rating_sum=1, rating_count=1)
        assert score_of(PYTHON, unlucky) > score_of(PYTHON, Candidate(3, records=solved("python")))

    def test_few_fast_answers_say_less_than_many(self) -> None:
        few = Candidate(2, tickets_resolved=1, median_response_seconds=60)
        assert 0.5 < matching.responsiveness(few) < matching.responsiveness(replace(few, tickets_resolved=50))

    def test_an_anonymous_student_is_not_given_away(self) -> None:
        hidden = replace(PYTHON, is_anonymous=True)
        mentor = Candidate(2, records=solved("python"))
        regular = replace(mentor, helped_student=3)
        for reader in ("student", "mentor"):
            assert match(hidden, regular, reader) == match(hidden, mentor, reader)


class TestScore:
    @given(tickets(), mentors(), st.sampled_from(["student", "mentor"]))
    def test_lies_between_0_and_1_and_forbids_what_must_not_be(
        self, asked: Asked, mentor: Candidate, reader: matching.Reader
    ) -> None:
        assert 0 <= score_of(asked, mentor) <= 1
        found = match(asked, mentor, reader)
        if not mentor.is_available or mentor.has_passed or mentor.open_tickets >= mentor.capacity:
            assert found is None
        if found:
            assert 0 < found.score <= 1
            assert set(found.matched_tags) <= set(asked.tags)
            assert all(reason.strip() == reason != "" for reason in told(found))

    @given(tickets(), mentors(), names, records(), st.floats(0, 100))
    def test_grows_with_what_was_solved(
        self, asked: Asked, mentor: Candidate, tag: str, under: Record, more: float
    ) -> None:
        before = replace(mentor, records={**mentor.records, tag: under})
        after = replace(mentor, records={**mentor.records, tag: replace(under, recent=under.recent + more)})
        self.never_falls(asked, before, after)

    @given(tickets(), mentors(), words, st.floats(0, 100))
    def test_grows_with_likeness(self, asked: Asked, mentor: Candidate, term: str, more: float) -> None:
        terms = {**mentor.solved_terms, term: mentor.solved_terms.get(term, 0.0) + more}
        self.never_falls(asked, mentor, replace(mentor, solved_terms=terms))

    @given(tickets(), mentors(), names)
    def test_grows_with_a_declared_tag(self, asked: Asked, mentor: Candidate, tag: str) -> None:
        self.never_falls(asked, mentor, replace(mentor, declared=mentor.declared | {tag}))

    @given(tickets(), mentors(), st.integers(0, 50))
    def test_grows_with_good_ratings(self, asked: Asked, mentor: Candidate, stars: int) -> None:
        better = replace(mentor, rating_sum=mentor.rating_sum + 5 * stars, rating_count=mentor.rating_count + stars)
        self.never_falls(asked, mentor, better)

    @given(tickets(), mentors(), amounts, amounts)
    def test_grows_with_quicker_answers(self, asked: Asked, mentor: Candidate, one: float, other: float) -> None:
        slow = replace(mentor, median_response_seconds=max(one, other))
        self.never_falls(asked, slow, replace(mentor, median_response_seconds=min(one, other)))

    @given(tickets(), mentors(), amounts, amounts)
    def test_grows_with_presence(self, asked: Asked, mentor: Candidate, one: float, other: float) -> None:
        away = replace(mentor, seen_seconds_ago=max(one, other))
        self.never_falls(asked, away, replace(mentor, seen_seconds_ago=min(one, other)))

    @given(tickets(), mentors(), st.integers(1, 5))
    def test_grows_with_free_places_and_falls_with_load(self, asked: Asked, mentor: Candidate, more: int) -> None:
        self.never_falls(asked, mentor, replace(mentor, capacity=mentor.capacity + more))
        self.never_falls(asked, replace(mentor, open_tickets=mentor.open_tickets + more), mentor)

    @given(tickets(), mentors())
    def test_grows_within_hours(self, asked: Asked, mentor: Candidate) -> None:
        self.never_falls(asked, replace(mentor, within_hours=False), replace(mentor, within_hours=True))

    @given(tickets(), mentors(), counts)
    def test_grows_with_having_helped(self, asked: Asked, mentor: Candidate, more: int) -> None:
        self.never_falls(asked, mentor, replace(mentor, helped_student=mentor.helped_student + more))

    @given(tickets(), mentors(), amounts)
    def test_grows_while_the_ticket_waits(self, asked: Asked, mentor: Candidate, more: float) -> None:
        later = replace(asked, waited_seconds=asked.waited_seconds + more)
        assert score_of(later, mentor) >= score_of(asked, mentor) - 1e-12

    @given(tickets(), mentors(), mentors())
    def test_waiting_does_not_change_who_is_first(self, asked: Asked, one: Candidate, other: Candidate) -> None:
        fresh, old = replace(asked, waited_seconds=0), replace(asked, waited_seconds=1e6)
        if score_of(fresh, one) > score_of(fresh, other):
            assert score_of(old, one) >= score_of(old, other)

    @staticmethod
    def never_falls(asked: Asked, before: Candidate, after: Candidate) -> None:
        assert score_of(asked, after) >= score_of(asked, before) - 1e-12


class TestReasons:
    expert = Candidate(
        2,
        declared=frozenset({"django"}),
        records=solved("python", 5.0, 12),
        solved_terms={"loop": 1.0},
        rating_sum=24,
        rating_count=5,
        median_response_seconds=1150,
        seen_seconds_ago=20,
        helped_student=1,
    )
    asked = Asked(1, {"python": 1.0, "django": 1.0}, {"loop": 1.0}, waited_seconds=3 * 3600)

    def test_tell_a_student_why_this_mentor(self) -> None:
        found = match(self.asked, self.expert)
        assert found
        assert found.matched_tags == ("python", "django")
        assert told(found) == [
            "Helped you before",
            "Solved 12 tickets tagged python",
            "Knows django",
            "Solved tickets that read like this one",
            "Rated 4.8 of 5 by 5 students",
            "Answers within about 20 minutes",
            "Is here now",
        ]

    def test_tell_a_mentor_why_this_ticket(self) -> None:
        found = match(self.asked, self.expert, "mentor")
        assert found
        assert told(found) == [
            "You helped this student before",
            "You solved 12 tickets tagged python",
            "You know django",
            "It reads like tickets that you solved",
            "Has waited 3 hours",
        ]

    def test_are_honest_about_hours_and_slowness(self) -> None:
        away = Candidate(2, records=solved("python"), within_hours=False, median_response_seconds=3 * 86_400)
        said = [sentence(reason) for reason in matching.reasons(PYTHON, away)]
        assert said == ["Solved 1 ticket tagged python", "Outside their usual hours now"]

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (5, "1 minute"),
            (120, "2 minutes"),
            (1150, "20 minutes"),
            (3590, "1 hour"),
            (3600, "1 hour"),
            (7000, "2 hours"),
            (86_400, "24 hours"),
            (130_000, "2 days"),
            (172_800, "2 days"),
        ],
    )
    def test_say_times_as_people_do(self, seconds: float, said: str) -> None:
        assert duration(seconds) == said


class TestTerms:
    def test_a_code_word_counts_whole_and_in_parts_and_fenced_code_not_at_all(self) -> None:
        found = counted("Using asyncio.gather", "Gathering fails with NullPointerException\n```\nsecret()\n```\nin C++")
        assert found["asyncio.gather"] == 2
        assert found["gather"] == 3
        assert found["pointer"] == found["nullpointerexcept"] == 1
        assert found["c++"] == 1
        assert "secret" not in found
        assert "using" not in found

    def test_the_rarest_come_first_and_the_vector_has_length_1(self) -> None:
        found = telling({"common": 1, "rare": 1, "rarer": 1}, {"common": 90, "rare": 5}, 100, limit=2)
        assert list(found) == ["rarer", "rare"]
        assert sum(weight**2 for weight in found.values()) == pytest.approx(1)

    def test_a_text_of_nothing_tells_nothing(self) -> None:
        assert telling(counted("?!", "the of and"), {}, 0, 20) == {}

    @given(st.text(max_size=300), st.text(max_size=300))
    def test_any_text_will_do(self, title: str, description: str) -> None:
        assert all(weight > 0 for weight in telling(counted(title, description), {}, 0, 20).values())

    @given(st.integers(0, 10**9), st.integers(-5, 2 * 10**9))
    def test_rarity_is_positive_however_odd_the_counts(self, documents: int, containing: int) -> None:
        assert rarity(documents, containing) > 0

    def test_a_sum_halves_every_ninety_days(self) -> None:
        solved_at = LANDMARK + timedelta(days=2500)
        for days, left in ((0, 1), (90, 0.5), (180, 0.25)):
            now = solved_at + timedelta(days=days)
            assert faded(growth(solved_at), now, last_solved_at=now) == pytest.approx(left)

    def test_nothing_fades_while_nobody_solves_anything(self) -> None:
        last = LANDMARK + timedelta(days=2500)
        assert faded(growth(last), last + timedelta(days=700), last_solved_at=last) == pytest.approx(1)
