"""Components that a page has dozens of, each made once for what it shows; the others are in `ui.html`."""

from functools import lru_cache
from urllib.parse import quote

from markupsafe import Markup

from mentorq.accounts import avatars
from mentorq.web import assets

_kept = lru_cache(maxsize=4096)

_ICON = Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>')
_TAG = Markup('<a class="{}" href="{}{}">{}</a>')
_INITIALS = Markup('<span class="{}" aria-hidden="true">{}</span>')
_PICTURE = Markup('<img class="{}" src="{}" width="{}" height="{}" alt="" loading="lazy" decoding="async">')

SIDES = {"xs": (22, 48), "": (32, 96), "lg": (48, 96), "xl": (88, 256)}
"""How large a picture is shown in each size, and which of its files: one that is sharp on small pixels, too."""


@_kept
def icon(name: str, classes: str = "") -> Markup:
    """An icon of the sprite."""
    return _ICON.format(f"i {classes}".strip(), assets.address("app/sprite.svg"), name)


@_kept
def tag(label: str, hit: bool = False, base: str = "/people?tag=") -> Markup:
    """A technology that leads to whoever knows it, or wherever `base` says; `hit`: it matches."""
    return _TAG.format("tag hit" if hit else "tag", base, quote(label, safe=""), label)


@_kept
def avatar(username: str, user_id: int, size: str = "", address: str | None = None) -> Markup:
    """Somebody's picture, or else initials on a colour of their own. The name stands beside it."""
    if address is None:
        classes = ("avatar", size, f"hue-{user_id % len(avatars.HUES)}")
        return _INITIALS.format(" ".join(filter(None, classes)), avatars.initials(username))
    side, file = SIDES[size]
    return _PICTURE.format(f"avatar {size}".strip(), f"{address.rpartition('/')[0]}/{file}.webp", side, side)
