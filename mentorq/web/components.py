"""Components that a page has dozens of, each made once for what it shows; the others are in `ui.html`."""

from functools import lru_cache
from urllib.parse import quote

from markupsafe import Markup

from mentorq.web import assets

_kept = lru_cache(maxsize=4096)

_ICON = Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>')
_TAG = Markup('<a class="{}" href="{}{}">{}</a>')
_AVATAR = Markup('<span class="{}" aria-hidden="true">{}</span>')


@_kept
def icon(name: str, classes: str = "") -> Markup:
    """An icon of the sprite."""
    return _ICON.format(f"i {classes}".strip(), assets.address("app/sprite.svg"), name)


@_kept
def tag(label: str, hit: bool = False, base: str = "/people?tag=") -> Markup:
    """A technology that leads to whoever knows it, or wherever `base` says; `hit`: it matches."""
    return _TAG.format("tag hit" if hit else "tag", base, quote(label, safe=""), label)


@_kept
def avatar(username: str, user_id: int, size: str = "") -> Markup:
    """Somebody's initials on a colour of their own."""
    return _AVATAR.format(
        " ".join(filter(None, ("avatar", size, f"hue-{user_id % 6}"))), username[:2].upper() if username else "?"
    )
