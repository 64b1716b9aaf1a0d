"""What a device calls itself, in words: "Firefox" on "Linux"."""

import re
from typing import Literal, NamedTuple

Icon = Literal["laptop", "smartphone", "monitor"]

BROWSERS = (
    # Each claims to be those below it as well.
    ("Edge", r"\bEdg(?:e|A|iOS)?/"),
    ("Opera", r"\bOPR/|\bOPiOS/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Vivaldi", r"\bVivaldi/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"),
    ("Chromium", r"\bChromium/|\bHeadlessChrome/"),
    ("Chrome", r"\bChrome/|\bCriOS/"),
    ("Safari", r"\bSafari/"),
)
SYSTEMS: tuple[tuple[str, str, Icon], ...] = (
    ("iPhone", r"\biPhone\b", "smartphone"),
    ("iPad", r"\biPad\b", "smartphone"),
    ("Android", r"\bAndroid\b", "smartphone"),
    ("Windows", r"\bWindows\b", "monitor"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b", "laptop"),
    ("ChromeOS", r"\bCrOS\b", "laptop"),
    ("Linux", r"\bLinux\b|\bX11\b", "laptop"),
)
PROGRAM = re.compile(r"[A-Za-z][\w .-]{0,30}")


class DeviceName(NamedTuple):
    """Browser and system, each empty where it is unknown, and an icon."""

    browser: str
    system: str
    icon: Icon


def name_of(user_agent: str) -> DeviceName:
    """Read a User-Agent header. What is no browser is called by its first word: "curl", "python-httpx"."""
    system, icon = next(((name, icon) for name, sign, icon in SYSTEMS if re.search(sign, user_agent)), ("", "monitor"))
    browser = next((name for name, sign in BROWSERS if re.search(sign, user_agent)), "")
    if not browser and not user_agent.startswith("Mozilla/"):
        program = PROGRAM.match(user_agent)
        browser = program[0].strip() if program else ""
    return DeviceName(browser, system, icon)
