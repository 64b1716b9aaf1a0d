"""The content of the demonstration: what is shipped is complete and well-formed, and what is malformed is refused."""

import re
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from mentorq.demo import content
from mentorq.demo.content import ContentError, Message, Question, load, parse_questions
from mentorq.tags.names import normalise

QUESTIONS = load().questions
PEOPLE = load().people

ALWAYS_PRESENT = {
    *("python", "javascript", "typescript", "react", "node.js", "css", "sql", "postgresql", "sqlite", "java"),
    *("spring-boot", "c#", ".net", "c++", "c", "rust", "go", "php", "ruby", "ruby-on-rails", "kotlin", "swift"),
    *("git", "docker", "linux", "bash", "django", "fastapi", "flask", "pandas", "numpy", "algorithms", "regex"),
    *("testing", "kubernetes", "aws"),
}

every_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)

WELL_FORMED = """---
technology: bash
---

# First
tags: bash, linux

Why?

```bash
# Title of nothing
## Solution of nothing
```

## Conversation

- mentor: What do you see?
- student: Nothing.

## Solution

Because.

# Second
tags: bash

How?

## Solution

So.
"""


def words(text: str) -> int:
    return len(text.split())


def refused(text: str, because: str) -> None:
    with pytest.raises(ContentError, match=because):
        parse_questions(text, "bash.md")


class TestWhatIsShipped:
    def test_there_are_enough_questions(self) -> None:
        assert len(QUESTIONS) >= 100

    def test_every_technology_is_present(self) -> None:
        assert {question.technology for question in QUESTIONS} >= ALWAYS_PRESENT

    def test_each_file_is_for_one_technology(self) -> None:
        files = list(resources.files("mentorq.demo").joinpath("questions").iterdir())
        assert all(file.name.endswith(".md") for file in files)
        assert len(files) == len({question.technology for question in QUESTIONS})

    def test_titles_are_unique(self) -> None:
        assert [title for title, n in Counter(question.title for question in QUESTIONS).items() if n > 1] == []

    def test_texts_are_unique(self) -> None:
        assert len({question.description for question in QUESTIONS}) == len(QUESTIONS)
        assert len({question.solution for question in QUESTIONS}) == len(QUESTIONS)

    def test_it_is_read_once(self) -> None:
        assert load() is load()

    @every_question
    def test_it_fits_the_limits_of_the_api(self, question: Question) -> None:
        assert 1 <= len(question.title) <= 200
        assert 1 <= len(question.description) <= 20_000
        assert 1 <= len(question.solution) <= 40_000

    @every_question
    def test_it_is_as_long_as_a_real_one(self, question: Question) -> None:
        assert 60 <= words(question.description) <= 250
        assert 60 <= words(question.solution) <= 250

    @every_question
    def test_its_tags_are_in_normal_form_and_differ(self, question: Question) -> None:
        assert 1 <= len(question.tags) <= 4
        assert [normalise(tag) for tag in question.tags] == list(question.tags)
        assert len(set(question.tags)) == len(question.tags)
        assert normalise(question.technology) == question.technology

    @every_question
    def test_its_conversation_is_short_and_the_mentor_begins(self, question: Question) -> None:
        assert len(question.conversation) <= 3
        assert all(message.body.strip() for message in question.conversation)
        if question.conversation:
            assert question.conversation[0].speaker == "mentor"

    @every_question
    def test_its_code_blocks_are_closed_and_name_their_language(self, question: Question) -> None:
        for text in (question.description, question.solution):
            fences = re.findall(r"^```(.*)$", text, re.MULTILINE)
            assert len(fences) % 2 == 0
            assert all(fences[::2])
            assert not any(fences[1::2])

    @every_question
    def test_its_python_can_be_parsed(self, question: Question) -> None:
        for text in (question.description, question.solution):
            for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
                compile(code, question.title, "exec", dont_inherit=True)


class TestThePeople:
    def test_names_are_many_and_differ(self) -> None:
        assert len(PEOPLE.first_names) >= 80
        assert len(set(PEOPLE.first_names)) == len(PEOPLE.first_names)

    def test_names_can_become_usernames(self) -> None:
        assert [name for name in PEOPLE.first_names if not (name.isascii() and name.isalpha())] == []

    def test_mentors_can_be_filled_in(self) -> None:
        assert len(PEOPLE.mentor_profiles) >= 16
        for profile in PEOPLE.mentor_profiles:
            headline = profile.headline.format(skills="Go and SQL", first_skill="Go")
            bio = profile.bio.format(skills="Go and SQL", first_skill="Go")
            assert "{" not in headline + bio
            assert "Go and SQL" in bio

    def test_there_are_comments_for_every_rating_and_most_are_friendly(self) -> None:
        assert set(PEOPLE.review_comments) == {1, 2, 3, 4, 5}
        assert len(PEOPLE.review_comments[5]) + len(PEOPLE.review_comments[4]) >= 15
        assert len(PEOPLE.review_comments[3]) >= 3

    def test_reasons_for_passing_are_those_of_the_api(self) -> None:
        assert set(PEOPLE.pass_reasons) == {"not_my_area", "unclear", "no_time", "other"}

    def test_there_are_reasons_to_release_and_reopen(self) -> None:
        assert len(PEOPLE.release_reasons) >= 5
        assert len(PEOPLE.reopen_reasons) >= 5

    @pytest.mark.parametrize("text", ["first_names = [", "first_names = 5"])
    def test_a_malformed_file_is_refused_by_name(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "people.toml").write_text(text)
        with pytest.raises(ContentError, match=r"^people\.toml: "):
            content._read_people(tmp_path / "people.toml")


class TestParsing:
    def test_a_file_with_two_questions(self) -> None:
        first, second = parse_questions(WELL_FORMED, "bash.md")
        assert first == Question(
            technology="bash",
            title="First",
            tags=("bash", "linux"),
            description="Why?\n\n```bash\n# Title of nothing\n## Solution of nothing\n```",
            conversation=(Message("mentor", "What do you see?"), Message("student", "Nothing.")),
            solution="Because.",
        )
        assert (second.title, second.conversation, second.solution) == ("Second", (), "So.")

    def test_a_longer_fence_may_contain_a_shorter_one(self) -> None:
        text = WELL_FORMED.replace("Because.", "````markdown\n```\n# Not a title\n```\n````")
        first, _ = parse_questions(text, "bash.md")
        assert first.solution == "````markdown\n```\n# Not a title\n```\n````"

    def test_without_front_matter(self) -> None:
        refused(WELL_FORMED.removeprefix("---\n"), "must begin with front matter")

    def test_without_questions(self) -> None:
        refused("---\ntechnology: bash\n---\n", "must have a '# Title'")

    def test_text_before_the_first_title(self) -> None:
        refused(WELL_FORMED.replace("# First", "Hello\n\n# First"), "must have a '# Title'")

    @pytest.mark.parametrize(
        ("old", "new"),
        [("## Solution\n\nSo.", ""), ("## Solution\n\nSo.", "## Answer\n\nSo."), ("So.", "So.\n\n## Solution\n\nSo.")],
    )
    def test_sections_that_are_missing_unknown_or_repeated(self, old: str, new: str) -> None:
        refused(WELL_FORMED.replace(old, new), "bash.md, “Second” must have one '## Solution'")

    @pytest.mark.parametrize("text", ["How?", "So."])
    def test_empty_texts(self, text: str) -> None:
        refused(WELL_FORMED.replace(text, ""), "must have a text and a solution")

    def test_no_tags(self) -> None:
        refused(WELL_FORMED.replace("tags: bash\n", ""), "must have a line 'tags: …'")

    def test_a_tag_that_is_not_in_normal_form(self) -> None:
        refused(WELL_FORMED.replace("tags: bash\n", "tags: JS\n"), "“JS”, whose normal form is “javascript”")

    def test_a_tag_that_is_no_tag(self) -> None:
        refused(WELL_FORMED.replace("tags: bash\n", "tags: bash, \n"), "“Second”: A tag needs")

    def test_a_line_of_conversation_by_nobody(self) -> None:
        refused(WELL_FORMED.replace("- student:", "- cat:"), "begins with '- mentor: '")
