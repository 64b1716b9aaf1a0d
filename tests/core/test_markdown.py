"""User Markdown: what it becomes, what it can never become, and how long it may take."""

import re
import time
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentorq.core import markdown
from mentorq.core.markdown import plain, render
from tests.support.vectors import VECTORS, unescaped

ALLOWED: dict[str, set[str]] = {
    **{tag: set() for tag in "blockquote br code em figcaption h3 h4 h5 h6 hr li p s strong".split()},
    **{tag: set() for tag in "table tbody thead tr ul".split()},
    "a": {"href", "title", "rel"},
    "button": {"class", "type", "data-copy"},
    "div": {"class", "tabindex"},
    "figure": {"class"},
    "input": {"type", "disabled", "checked", "aria-label"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "span": {"class"},
    "td": {"align"},
    "th": {"align"},
}
VOID = {"br", "hr", "input"}


class Inspector(HTMLParser):
    """Refuses whatever the page must never hold, and tags that are not closed in their order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        assert {name for name, _ in attrs} <= ALLOWED[tag], attrs
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            # The sanitiser takes away addresses that are none, and leaves a link that leads nowhere.
            assert re.match(r"(https?://|mailto:)[^/\s]", values.get("href", "https://a"), re.IGNORECASE), values
            assert values["rel"] == "nofollow ugc noopener"
            assert "a" not in self.open
        elif tag == "button":
            assert values == {"class": "btn quiet sm", "type": "button", "data-copy": ""}
        elif tag == "input":
            assert values["type"] == "checkbox"
            assert "disabled" in values
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def inspect(html: str) -> None:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    assert inspector.open == []


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def figure(caption: str, code: str, label: str = "Copy") -> str:
    return (
        f'<figure class="code"><figcaption><span>{caption}</span>'
        f'<button class="btn quiet sm" type="button" data-copy="">{label}</button></figcaption>'
        f'<pre tabindex="0"><code>{code}\n</code></pre></figure>\n'
    )


class TestProse:
    @pytest.mark.parametrize(
        ("source", "html"),
        [
            ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>\n"),
            ("# a", "<h3>a</h3>\n"),
            ("## a", "<h4>a</h4>\n"),
            ("### a", "<h5>a</h5>\n"),
            ("###### a", "<h6>a</h6>\n"),
            ("a\n===", "<h3>a</h3>\n"),
            ("3. a", '<ol start="3">\n<li>a</li>\n</ol>\n'),
            ("> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
            ("<b>a</b> &amp; <!-- b -->", "<p>&lt;b&gt;a&lt;/b&gt; &amp; &lt;!-- b --&gt;</p>\n"),
            ("", ""),
        ],
    )
    def test_becomes_html(self, source: str, html: str) -> None:
        assert render(source) == html

    def test_a_table_scrolls_and_aligns_without_styles(self) -> None:
        html = render("a | b\n:-: | -\n1 | 2")
        assert html.startswith('<div class="scroll" tabindex="0"><table>')
        assert '<td align="center">1</td>' in html
        assert "style" not in html

    def test_tasks_cannot_be_ticked_and_say_what_they_are(self) -> None:
        html = render("- [x] buy *milk*\n- [ ] drink")
        assert '<input type="checkbox" disabled="" checked="" aria-label="buy milk"> buy <em>milk</em>' in html
        assert '<input type="checkbox" disabled="" aria-label="drink"> drink' in html

    def test_signs_that_turn_the_order_of_text_are_shown(self) -> None:
        assert render("\u202eab\x00\ud800") == "<p>\ufffdab\ufffd\ufffd</p>\n"


class TestLinks:
    @pytest.mark.parametrize("address", ["https://a.example/b?c=d#e", "http://a.example", "mailto:a@b.example"])
    def test_lead_out_without_credit(self, address: str) -> None:
        assert render(f"[x]({address})") == f'<p><a href="{address}" rel="nofollow ugc noopener">x</a></p>\n'

    def test_keep_their_title(self) -> None:
        assert 'title="t"' in render('[x](https://a.example "t")')

    def test_in_angle_brackets(self) -> None:
        html = '<p><a href="https://a.example" rel="nofollow ugc noopener">https://a.example</a></p>\n'
        assert render("<https://a.example>") == html

    @pytest.mark.parametrize(
        "address", ["/tickets/1", "//a.example", "#a", "ftp://a.example", "javascript:a", "data:,"]
    )
    def test_elsewhere_stay_text(self, address: str) -> None:
        assert render(f"[x]({address})") == f"<p>[x]({address})</p>\n"

    def test_of_absurd_length_stay_text(self) -> None:
        assert "<a" not in render(f"[x](https://{'a' * 3000})")

    @pytest.mark.parametrize(
        ("source", "address", "text"),
        [
            ("![a *b*](https://a.example/i.png)", "https://a.example/i.png", "a b"),
            ("![](https://a.example/i.png)", "https://a.example/i.png", "https://a.example/i.png"),
            ("[![a](https://a.example/i.png)](https://b.example)", "https://b.example", "a"),
        ],
    )
    def test_stand_for_images(self, source: str, address: str, text: str) -> None:
        assert render(source) == f'<p><a href="{address}" rel="nofollow ugc noopener">{text}</a></p>\n'


class TestCode:
    def test_names_its_language_and_has_colours(self) -> None:
        code = '<span class="n">a</span> <span class="o">=</span> <span class="mi">1</span>'
        assert render("```python\na = 1\n```") == figure("python", code)

    @pytest.mark.parametrize("source", ["```\na < 1\n```", "    a < 1"])
    def test_without_a_language_is_never_guessed(self, source: str) -> None:
        assert render(source) == figure("code", "a &lt; 1")

    def test_of_an_unknown_language_is_plain(self) -> None:
        assert render('```"><b>\n<i>\n```') == figure('"&gt;&lt;b&gt;', "&lt;i&gt;")

    def test_copies_in_the_readers_language(self) -> None:
        assert render("```\na\n```", 'Kop"<iere') == figure("code", "a", 'Kop"&lt;iere')

    def test_keeps_its_blank_lines(self) -> None:
        assert "<code>\n\n" in render("```python\n\n\na\n```")

    def test_beyond_the_budget_has_no_colours(self) -> None:
        block = "```python\n" + "a = 1\n" * 700 + "```\n"
        first, second = render(block * 2).split("</figure>")[:2]
        assert 'class="n"' in first
        assert 'class="n"' not in second

    def test_is_whole_when_time_for_colours_is_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(markdown, "_LONGEST_COLOURING", -1.0)
        html = render("```python\nfirst = 1\nlast = 2\n```", "Time is up")
        assert "<code><span" in html
        assert html.count("<span") == 2
        assert "first = 1\nlast = 2\n" in text_of(html)

    @pytest.mark.parametrize("language", sorted(markdown.LANGUAGES))
    def test_of_each_language_says_what_was_written(self, language: str) -> None:
        code = "a <b> & 'c' \"d\"\n\n  # e {f}\n"
        assert code in text_of(render(f"```{language}\n{code}```"))


class TestSafety:
    def test_there_are_enough_vectors(self) -> None:
        assert len(set(VECTORS)) >= 200

    @pytest.mark.parametrize("vector", VECTORS)
    def test_no_vector_gets_through(self, vector: str) -> None:
        source = unescaped(vector)
        for around in ("{}", "> - {}", "[{}](https://a.example)", "a|b\n-|-\n{}|", "*{}*", "x\n\n{}\n\ny"):
            inspect(render(around.format(source)) if around != "{}" else render(source))

    @given(st.text() | st.text(alphabet="[]()<>!*_~`|-+#&;:\\\"' \n\t\x00aj1/x=.\u202e"), st.text(max_size=10))
    def test_whatever_is_written_only_ours_comes_out(self, source: str, label: str) -> None:
        inspect(render(source, label.encode(errors="replace").decode()))
        assert len(plain(source, 50)) <= 50

    @given(st.lists(st.sampled_from(VECTORS), min_size=2, max_size=5))
    def test_nor_do_vectors_together(self, vectors: list[str]) -> None:
        inspect(render(unescaped("".join(vectors))))


BOMBS: dict[str, Callable[[int], str]] = {
    **{
        repr(unit): lambda n, unit=unit: unit * (n // len(unit))  # type: ignore[misc]
        for unit in (
            *("[", "![", "[a](", "[a][", "*a ", "a* ", "*_", "*a **b ", "~~a ", "> ", "> a\n", ">\n", "`", "`a ", "<"),
            *("<a ", "<!--", "<http://a> ", "\\", "\\[", "&", "&amp;", "&#1", "|", "a|b\n-|-\n", "- ", "- a\n"),
            *("- a\n+ a\n", "1. a\n", "#\n", "a\n=\n", "```\n```\n", "    a\n\nb\n\n", "a\n", "a  \n", " ", "\n", "\t"),
            *("[a]: https://b\n", '[a]: u "t\n', "[a\n", '[a](u "', "[a](<b", "[a](b(", "😀", "\ud800", '"', ">- "),
            *("The quick brown fox, as they say, jumped. \n", "```c#\nx y\n", "```java\n\n\n\n", "~~~make\n_\n~~~\n"),
        )
    },
    "closed brackets": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "nested images": lambda n: "![" * (n // 20) + "](https://a)" * (n // 20),
    "longer and longer backticks": lambda n: "".join("a" + "`" * i for i in range(int((2 * n) ** 0.5))),
    "many columns": lambda n: "\n".join("|".join([cell] * (n // 8)) for cell in "a-a"),
    "missing cells": lambda n: "|a" * 64 + "\n" + "|-" * 64 + "\n" + "a\n" * (n // 2),
    "deep list": lambda n: "".join("  " * i + "- a\n" for i in range(int(n**0.5))),
    "one address, used often": lambda n: f"[a]: https://{'x' * 1900}\n\n" + "[a]" * (n // 3),
    "escapes in an address": lambda n: f"[a](https://{'%' * n})",
}


def seconds(source: str) -> float:
    """The processor's, not the clock's, so that a busy machine changes little; the best of several runs."""
    best = 60.0
    for run in range(3):
        start = time.process_time()
        render(source, str(run))
        best = min(best, time.process_time() - start)
    return best


class TestBudget:
    @pytest.mark.parametrize("bomb", BOMBS)
    def test_twice_as_much_takes_at_most_thrice_as_long(self, bomb: str) -> None:
        build = BOMBS[bomb]
        # What takes next to no time is all noise, and a busy neighbour can spoil a comparison, but not three.
        ratios = (seconds(build(100_000)) / max(seconds(build(50_000)), 0.01) for _ in range(3))
        assert any(ratio < 3 for ratio in ratios)

    @pytest.mark.parametrize("bomb", BOMBS)
    def test_output_is_in_proportion(self, bomb: str) -> None:
        source = BOMBS[bomb](20_000)
        html = render(source)
        assert len(html) < 20_000 + 30 * len(source)
        inspect(html)

    @pytest.mark.parametrize("source", ["> " * 25 + "deep", "".join("  " * i + "- deep\n" for i in range(12))])
    def test_what_is_too_deep_is_shown_as_written(self, source: str) -> None:
        assert text_of(render(source)) == source + "\n"
        assert render(source).startswith('<pre tabindex="0">')

    def test_what_is_too_much_is_shown_as_written(self) -> None:
        source = "<*a*> [b](https://c) " * 4000
        assert text_of(render(source)) == source + "\n"

    def test_what_grows_too_large_is_shown_as_written(self) -> None:
        source = f"[a]: https://a.example/{'x' * 1900}\n\n" + "[a]" * 600
        assert text_of(render(source)) == source + "\n"

    def test_a_wide_table_stays_text(self) -> None:
        assert "<table" not in render("|a" * 70 + "\n" + "|-" * 70)

    def test_a_long_answer_is_well_within(self) -> None:
        block = "A **bold** claim, [a link](https://a.example) and `code`, in a line of prose that goes on a while.\n\n"
        assert "<strong>" in render(block * 400)

    def test_short_texts_are_rendered_once(self) -> None:
        markdown._render.cache_clear()
        for _ in range(3):
            render("a")
            render("a" * 5000)
        assert markdown._render.cache_info().misses == 1


class TestPlain:
    @pytest.mark.parametrize(
        ("source", "text"),
        [
            ("# Why *does* `this` [fail](https://a.example)?\n\nIt\nworked.", "Why does this fail? It worked."),
            ("Before\n\n```python\ncode\n```\n\nafter", "Before after"),
            ("- a\n- b & <c>", "a b & <c>"),
            ("![alt](https://a.example/i.png)", "alt"),
            ("", ""),
        ],
    )
    def test_has_no_markup(self, source: str, text: str) -> None:
        assert plain(source, 100) == text

    def test_is_cut_at_a_word(self) -> None:
        assert plain("one two three four", 12) == "one two…"

    def test_is_cut_within_a_word_that_is_longer(self) -> None:
        assert plain("a" * 30, 10) == "a" * 9 + "…"

    def test_says_that_more_follows_what_it_read(self) -> None:
        assert plain("a\n\n```\n" + "x\n" * 5000 + "```\nb", 100) == "a…"

    def test_of_a_bomb_is_its_text(self) -> None:
        assert plain("[" * 100_000, 300).startswith("[[[")
