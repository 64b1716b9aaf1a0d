"""What people write, as HTML that is safe to show: CommonMark with tables, strikethrough and task lists.

Three walls, each enough by itself: the parser has no raw HTML, links are checked before they are made, and what comes
out is sanitised against the list of what this module makes.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters.html import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]

LANGUAGES = frozenset(
    """
    bash c c# c++ console cpp cs csharp css diff docker dockerfile go golang haskell html ini java javascript js json
    jsx kotlin lua make makefile php powershell pycon pytb python py r ruby rb rust rs scala sh shell sql swift toml
    ts tsx typescript xml yaml yml zsh
    """.split()
)
"""Names after a fence that bring colours. Others are shown as they are: a language is never guessed."""

_HIGHLIGHTED = 10_000  # characters of code a text, coloured
_LONGEST_ADDRESS = 2_000
_LONGEST_NAME = 30
# C0, which no text has, halves of surrogate pairs, and the signs that make text read in another order than it is
_MISLEADING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s/?#]", re.IGNORECASE)

_formatter = HtmlFormatter(nowrap=True)


def render(source: str, copy_label: str = "Copy") -> Markup:
    """Return Markdown as safe HTML."""
    return _render(source, copy_label)


@lru_cache(maxsize=256)
def _render(source: str, copy_label: str) -> Markup:
    html = _parser.render(_MISLEADING.sub("\N{REPLACEMENT CHARACTER}", source), {"copy": copy_label})
    return Markup(_cleaner.clean(html))  # noqa: S704 - sanitised


def plain(source: str, length: int) -> str:
    """Return what a text says without its markup, cut at a word to `length` characters."""
    words = " ".join(_words(_parser.parse(source[: length * 10]))).split()
    text = " ".join(words)
    if len(text) <= length:
        return text
    return text[:length].rsplit(" ", 1)[0] + "…"


def _words(tokens: Sequence[Token]) -> list[str]:
    return [_text(token.children) if token.children else token.content for token in tokens if token.content]


def _text(tokens: Sequence[Token]) -> str:
    return "".join(
        _text(token.children) if token.children else " " if token.type.endswith("break") else token.content
        for token in tokens
    )


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        return len(url) <= _LONGEST_ADDRESS and _ADDRESS.match(url) is not None


class _Renderer(RendererHTML):
    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        name = (tokens[idx].info.split() or [""])[0][:_LONGEST_NAME]
        return (
            f'<figure class="code"><figcaption><span>{escape(name or "code")}</span>'
            f'<button class="btn quiet sm" type="button" data-copy>{escape(env["copy"])}</button></figcaption>'
            f'<pre tabindex="0"><code>{_coloured(tokens[idx].content, name.lower(), env)}</code></pre></figure>\n'
        )

    code_block = fence

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="scroll" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        item = self.renderToken(tokens, idx, options, env)
        if "checked" not in tokens[idx].meta:
            return item
        label = next((_text(token.children or ()) for token in tokens[idx : idx + 3] if token.type == "inline"), "")
        checked = " checked" if tokens[idx].meta["checked"] else ""
        return f'{item}<input type="checkbox" disabled{checked} aria-label="{escape(label or "–")}"> '


def _coloured(code: str, language: str, env: EnvType) -> str:
    coloured = env.get("coloured", 0) + len(code)
    if language not in LANGUAGES or coloured > _HIGHLIGHTED:
        return escape(code)
    env["coloured"] = coloured
    html: str = highlight(code, get_lexer_by_name(language, stripnl=False), _formatter)
    return html


def _fit_in(state: StateCore) -> None:
    """Make headings begin below those of the page, images links, and alignments attributes, as styles are forbidden."""
    for token in state.tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        elif token.type in {"th_open", "td_open"} and token.attrs:
            token.attrs = {"align": str(token.attrs["style"]).removeprefix("text-align:")}
        elif token.children:
            token.children = list(_without_images(token.children))


def _without_images(tokens: Sequence[Token]) -> list[Token]:
    """Replace images by links, but within a link by their text: nothing loads until a reader asks for it."""
    replaced: list[Token] = []
    links = 0
    for token in tokens:
        links += (token.type == "link_open") - (token.type == "link_close")
        if token.type != "image":
            replaced.append(token)
            continue
        address = token.attrs["src"]
        text = Token("text", "", 0, content=_text(token.children or ()) or str(address))
        link = Token("link_open", "a", 1, attrs={"href": address})
        replaced += [text] if links else [link, text, Token("link_close", "a", -1)]
    return replaced


_parser = _Parser("commonmark", {"html": False, "tasklists": True, "maxNesting": 20}, renderer_cls=_Renderer)
_parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
_parser.core.ruler.after("inline", "fit_in", _fit_in)

_cleaner = nh3.Cleaner(
    tags=set(
        """
        a blockquote br button code div em figcaption figure h3 h4 h5 h6 hr input li ol p pre s span strong
        table tbody td th thead tr ul
        """.split()
    ),
    attributes={"a": {"href", "title"}, "input": {"aria-label"}, "ol": {"start"}},
    tag_attribute_values={
        "button": {"type": {"button"}, "data-copy": {""}},
        "div": {"tabindex": {"0"}},
        "input": {"checked": {""}},
        "pre": {"tabindex": {"0"}},
        "td": {"align": {"left", "center", "right"}},
        "th": {"align": {"left", "center", "right"}},
    },
    set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}},
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
