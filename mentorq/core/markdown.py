"""What people write, as HTML that is safe to show: CommonMark with tables, strikethrough and task lists.

Three walls, each enough by itself: the parser knows no raw HTML, an address is checked before a link is made, and what
comes out is sanitised against the list of what this module makes.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html import escape
from time import thread_time
from urllib.parse import quote

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as table_rule
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from pygments import format as write  # type: ignore[import-untyped]
from pygments.formatters.html import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import STANDARD_TYPES, Text  # type: ignore[import-untyped]

LANGUAGES = frozenset(
    """
    bash c c# c++ cpp cs csharp css diff docker dockerfile go golang haskell html java javascript js json
    jsx kotlin lua make makefile php powershell pycon pytb python py r ruby rb rust rs scala sh shell sql swift toml
    ts tsx typescript xml yaml yml zsh
    """.split()
)
"""Names after a fence that bring colours. Others are shown as they are: a language is never guessed.

Missing are those whose lexers can take long over a single token (`console`, `ini`).
"""

# Steps of about 4 µs; measured: ten thousand characters of real questions and answers take some 800.
_MOST_WORK = 12_000
_SIGNS = {"[": 5, "!": 5, "<": 3, "*": 2, "_": 2, "~": 2}  # others take one
_MOST_LINES = 12_000  # a quotation goes through its lines by itself
_MOST_COLOURED = 6_000  # characters of code in one text
_LONGEST_COLOURING = 0.02  # seconds
_WIDEST_TABLE = 64
_DEEPEST = 20
_LONGEST_ADDRESS = 2_000
_LONGEST_NAME = 30
_LONGEST_KEPT = 4_000

# C0, which no text has, halves of surrogate pairs, and the signs that make text read in another order than it is
_MISLEADING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s/?#]", re.IGNORECASE)


class _TooMuch(Exception):
    """The text would take longer to render, or grow larger, than a reader's page may."""


def render(source: str, copy_label: str = "Copy") -> Markup:
    """Return Markdown as safe HTML, with `copy_label` on the button above each code block.

    The parser's steps are counted. A text that takes more than any page of prose and code does, that is nested deeper
    than 20 elements, or whose HTML grows out of proportion, is shown as it was written, in a `<pre>`. Code is coloured
    up to 6,000 characters and 20 ms a text.
    """
    kept = _render if len(source) <= _LONGEST_KEPT else _render.__wrapped__
    return Markup(kept(source, copy_label).decode())  # noqa: S704 - sanitised


@lru_cache(maxsize=256)
def _render(source: str, copy_label: str) -> bytes:
    # As bytes, because one emoji makes every character of a kept string four bytes long.
    source = _readable(source)
    try:
        if source.count("\n") > _MOST_LINES:
            raise _TooMuch
        html = _parser.render(source, {"copy": copy_label})
        if len(html) > 20_000 + 24 * len(source):
            raise _TooMuch
        html = _cleaner.clean(html)
    except _TooMuch:
        html = f'<pre tabindex="0">{escape(source)}</pre>\n'
    return html.encode()


def plain(source: str, length: int) -> str:
    """Return what the beginning of a text says without markup and code blocks, cut at a word to `length` characters."""
    start = _readable(source[: 1_000 + 10 * length])
    try:
        tokens = _parser.parse(start)
    except _TooMuch:
        tokens = [Token("inline", "", 0, content=start)]
    text = " ".join(" ".join(_text([token]) for token in tokens if token.type == "inline").split())
    if len(text) <= length and len(start) == len(source):
        return text
    return (text[:length].rpartition(" ")[0] or text[: length - 1]) + "…"


def code_blocks(source: str) -> list[tuple[str, str]]:
    """Return the fenced code of a text, each block with what stands after its fence: `python main.py`."""
    try:
        tokens = _parser.parse(_readable(source))
    except _TooMuch:
        return []
    return [(token.info.strip(), token.content) for token in tokens if token.type == "fence"]


def code(source: str, language: str, title: str, copy_label: str = "Copy") -> Markup:
    """Return a file as `render` shows a block of code, under its own name."""
    shown = _figure(title, _readable(source), language.lower(), {"copy": copy_label})
    return Markup(shown)  # noqa: S704 - all in it is escaped


def _readable(source: str) -> str:
    return _MISLEADING.sub("\N{REPLACEMENT CHARACTER}", source)


def _text(tokens: Sequence[Token]) -> str:
    return "".join(
        _text(token.children) if token.children else " " if token.type.endswith("break") else token.content
        for token in tokens
    )


class _Parser(MarkdownIt):
    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's names; its own is slow on long addresses
        return quote(url, safe="%/:?#[]@!$&'()*+,;=~") if len(url) <= _LONGEST_ADDRESS else ""

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link

    def validateLink(self, url: str) -> bool:  # noqa: N802
        return _ADDRESS.match(url) is not None


class _Renderer(RendererHTML):
    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(tokens[idx].content, quote=False)  # the sanitiser would undo it, slowly

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        name = (tokens[idx].info.split() or [""])[0][:_LONGEST_NAME]
        return _figure(name or "code", tokens[idx].content, name.lower(), env)

    code_block = fence

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="scroll" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        item = self.renderToken(tokens, idx, options, env)
        if "checked" not in tokens[idx].meta:
            return item
        label = _text([token for token in tokens[idx : idx + 3] if token.type == "inline"])
        checked = " checked" if tokens[idx].meta["checked"] else ""
        return f'{item}<input type="checkbox" disabled{checked} aria-label="{escape(label)}"> '


def _figure(title: str, source: str, language: str, env: EnvType) -> str:
    return (
        f'<figure class="code"><figcaption><span>{escape(title)}</span>'
        f'<button class="btn quiet sm" type="button" data-copy>{escape(env["copy"])}</button></figcaption>'
        f'<pre tabindex="0"><code>{_coloured(source, language, env)}</code></pre></figure>\n'
    )


def _coloured(code: str, language: str, env: EnvType) -> str:
    coloured = env.get("coloured", 0) + len(code)
    if language not in LANGUAGES or coloured > _MOST_COLOURED:
        return escape(code)
    env["coloured"] = coloured
    lexer = get_lexer_by_name(language, stripnl=False)  # the first of its language takes long: before the clock starts
    html: str = write(_tokens_in_time(lexer.get_tokens(code), code, env), _formatter)
    return html


def _tokens_in_time(tokens: Iterable[tuple[object, str]], code: str, env: EnvType) -> Iterator[tuple[object, str]]:
    """Leave the rest as it is when time is up: most lexers are quadratic on some code that nobody writes."""
    deadline = env.setdefault("deadline", thread_time() + _LONGEST_COLOURING)
    left = len(code)
    for kind, text in tokens:
        yield kind, text
        left -= len(text)
        if left > 0 and thread_time() > deadline:
            yield Text, code[-left:]
            return


def _count_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Asked first at each line that may begin a block: never one itself."""
    may_define_a_link = state.src.startswith("[", state.bMarks[start] + state.tShift[start])
    _count(state.env, 10 if may_define_a_link else 2, len(state.tokens))
    return False


def _count_sign(state: StateInline, silent: bool) -> bool:
    """Asked first at each character that may begin markup: never markup itself."""
    _count(state.env, _SIGNS.get(state.src[state.pos], 1))
    return False


def _count(env: EnvType, work: int, tokens: int = 0) -> None:
    env["work"] = env.get("work", 0) + work
    if env["work"] + 2 * tokens > _MOST_WORK:
        raise _TooMuch


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave very wide tables as text: each short row would be filled up with cells."""
    if start + 1 < end and state.src.count("|", state.bMarks[start + 1], state.eMarks[start + 1]) > _WIDEST_TABLE:
        return False
    return table_rule(state, start, end, silent)


def _fit_in(state: StateCore) -> None:
    """Begin headings below the page's own, make links of images and attributes of styles, which pages forbid."""
    for token in state.tokens:
        if token.level >= _DEEPEST - 1:  # the parser drops what is deeper
            raise _TooMuch
        if token.type.startswith("heading"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        elif token.type in {"th_open", "td_open"} and token.attrs:
            token.attrs = {"align": str(token.attrs["style"]).removeprefix("text-align:")}
        elif token.children:
            token.children = list(_without_images(token.children))


def _without_images(tokens: Sequence[Token]) -> Iterator[Token]:
    """Replace images by links, but within a link by their text: nothing loads until a reader asks for it."""
    links = 0
    for token in tokens:
        links += (token.type == "link_open") - (token.type == "link_close")
        if token.type != "image":
            yield token
            continue
        address = token.attrs["src"]
        text = Token("text", "", 0, content=_text(token.children or ()) or str(address))
        yield from [text] if links else [Token("link_open", "a", 1, attrs={"href": address}), text, _LINK_CLOSE]


_LINK_CLOSE = Token("link_close", "a", -1)

_formatter = HtmlFormatter(nowrap=True)

_parser = _Parser("commonmark", {"html": False, "tasklists": True, "maxNesting": _DEEPEST}, renderer_cls=_Renderer)
_parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
_parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
_parser.block.ruler.before("table", "count", _count_line, {"alt": ["paragraph", "reference", "blockquote", "list"]})
_parser.inline.ruler.before("text", "count", _count_sign)
_parser.inline.terminator_re = re.compile(r"[\n!&*<\[\\\]_`~]")  # only what may begin markup here
_parser.core.ruler.after("inline", "fit_in", _fit_in)

_cleaner = nh3.Cleaner(
    tags=set(
        """
        a blockquote br button code del div em figcaption figure h3 h4 h5 h6 hr input li ol p pre s span strong
        table tbody td th thead tr ul
        """.split()
    ),
    attributes={"a": {"href", "title"}, "input": {"aria-label"}, "ol": {"start"}},
    tag_attribute_values={
        "button": {"type": {"button"}, "data-copy": {""}},
        "div": {"tabindex": {"0"}},
        "input": {"type": {"checkbox"}, "disabled": {""}, "checked": {""}},
        "pre": {"tabindex": {"0"}},
        "td": {"align": {"left", "center", "right"}},
        "th": {"align": {"left", "center", "right"}},
    },
    allowed_classes={
        "button": {"btn", "quiet", "sm"},
        "div": {"scroll"},
        "figure": {"code"},
        "span": set(STANDARD_TYPES.values()) - {""},
    },
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="nofollow ugc noopener",
)
