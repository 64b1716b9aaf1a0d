"""What of an article is shown, as pure functions."""

from hypothesis import given
from hypothesis import strategies as st

from mentorq.knowledge import highlights
from mentorq.knowledge.highlights import PASSAGE

WORDS = st.sampled_from(["x", "y", "zebra", "é", "w" * 300])


@given(st.lists(st.tuples(WORDS, st.integers(1, 120)), max_size=40))
def test_the_densest_passage_has_the_most_different_words(parts: list[tuple[str, int]]) -> None:
    text, spans = "", []
    for word, gap in parts:
        spans.append((len(text), len(text) + len(word)))
        text += word + " " * gap
    inside = {begin: len({text[b:e] for b, e in spans if b >= begin and e <= begin + PASSAGE}) for begin, _end in spans}
    best, start = highlights._densest(text, spans)
    assert best == max(inside.values(), default=0)
    assert best == 0 or start == min(begin for begin, count in inside.items() if count == best)


@given(st.sampled_from(["é", "\u201d", "\U0001f600", ""]), st.sampled_from(["x ", "über ", "naïve plain "]))
def test_a_long_text_is_looked_at_in_few_places_whatever_its_letters(strange: str, word: str) -> None:
    text = strange + word * (60_000 // len(word))
    rows = [("uber",), ("x",), ("naiv",)]
    stretches = list(highlights._stretches(rows, text))
    assert 0 < sum(len(stretch) for _, stretch in stretches) < len(text)
    assert len(stretches) <= highlights.MOST_STRETCHES
    found = highlights._passage(rows, text)
    assert found is not None
    assert (found[0], "<mark>" in found[1]) == (1, True)
