"""User Markdown as safe HTML."""

from html import escape

from markupsafe import Markup


def render(source: str, copy_label: str = "Copy") -> Markup:
    """Safe HTML."""
    return Markup(f"<p>{escape(source)}</p>")  # noqa: S704


def plain(source: str, length: int = 200) -> str:
    """An excerpt."""
    return source[:length]
