"""Whether a value is somebody's secret, or stands for one: `<token>`, `${VAR}`, `my-password1`, `xxxxxxxx`."""

import math
import re
from collections import Counter
from collections.abc import Callable

FEWEST_CHARACTERS = 8
"""Fewer different characters than these are no token, but somebody's `xxxxxxxx`."""

_MADE_UP = re.compile(
    r"example|placeholder|changeme|redacted|your[_-]?(?:token|api|key|secret)|1234567|abcdefg|(.)\1{7}|x{5}|\.{3}|…|\*{3}"
    r"|hmac-?sha|pbkdf2",
    re.IGNORECASE,
)

_REFERENCE = re.compile(
    r"""
    [$%:&\#@*]{0,2}[({<\[]                      # ${VAR}, $(command), #{x}, {{ x }}, <token>
    |[$%:&@][A-Za-z_][\w.-]*%?\Z                # $VAR, %VAR%, :name
    |\$\d                                       # a hash of a password: $2b$12$…
    |\+.*\+\Z                                   # "password=" + x + "&…"
    |.*?(?:\$[({]|\{[\w. ]*\}|<[\w -]*>|environ|getenv|process\.env|x{4}|X{4})
    """,
    re.VERBOSE,
)
"""A value that stands for another one."""

_WORDS = re.compile(
    "|".join(
        sorted(
            """
            abc abcd abcde abcdef account acme admin administrator aladdin alice anonymous api app asdf authentication
            auth bar baz bearer blah bob bogus change clave client code config connection contraseña correct credentials
            database db default demo dev development dummy encrypted encryption example fake foo git github goes guest
            hello here hidden host http insert invalid is jdbc jwt key keystore letmein local localhost login long me
            mongo monkey my mysql new none not null oauth old opensesame oracle pass passphrase passwd password passwort
            placeholder plain postgres postgresql prod production put pwd qwerty rabbitmq random real redacted redis
            remote replace root sa sample scott secret secreto secure server service signing some spring sql store
            string strong super system temp test testing text the this tiger tmp to token truststore type undefined
            unknown use user username value very weak welcome wordpress world wrong xyz xxx yes you your yours
            """.split(),
            key=len,
            reverse=True,
        )
    )
)
_LEET = str.maketrans("013457@$!", "oieastasi")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
MOST_REST = 2
"""So many letters may be left of a placeholder when its words are taken out."""


def is_made_up(value: str) -> bool:
    """Whether a token is one of documentation."""
    return len(set(value)) < FEWEST_CHARACTERS or _MADE_UP.search(value) is not None


def is_placeholder(value: str) -> bool:
    """Whether it is a name for a password rather than one: `my-password1`, `<token>`, `${VAR}`, `P@ssw0rd`."""
    if _REFERENCE.match(value) or _MADE_UP.search(value) or len(set(value)) < FEWEST_CHARACTERS / 2:
        return True
    lower = value.lower()
    return any(_is_of_words(form) for form in (lower, lower.rstrip("0123456789!").translate(_LEET)))


def _is_of_words(lower: str) -> bool:
    letters = _NOT_LETTERS.sub("", lower)
    return 2 * len(letters) >= len(lower) and len(_WORDS.sub("", letters)) <= MOST_REST


FEWEST_RANDOM = 16
LEAST_BITS = 2.6
LEAST_CHANGES = 0.12
_RUN = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[^a-zA-Z0-9]+")


def looks_random(value: str) -> bool:
    """Whether nobody would make it up: long, of many different characters, letters and digits in turn."""
    size = len(value)
    if size < FEWEST_RANDOM or is_made_up(value) or _count(value, str.isdigit) < 2 or _count(value, str.isalpha) < 2:
        return False
    bits = -sum(count / size * math.log2(count / size) for count in Counter(value).values())
    changes = (len(_RUN.findall(value)) - 1) / (size - 1)
    return bits >= LEAST_BITS and changes >= LEAST_CHANGES


FEWEST_CHOSEN = 6
_SIGNS = frozenset("!#$%^&*+=?~")


def looks_chosen(value: str) -> bool:
    """Whether somebody may have chosen it as a password: letters, digits or signs, and no placeholder."""
    is_mixed = _count(value, str.isalpha) >= 2 and any(sign.isdigit() or sign in _SIGNS for sign in value)
    return len(value) >= FEWEST_CHOSEN and is_mixed and not is_placeholder(value)


def _count(value: str, kind: Callable[[str], bool]) -> int:
    return sum(map(kind, value))
