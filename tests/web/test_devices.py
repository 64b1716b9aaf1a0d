"""What devices are called."""

import pytest

from mentorq.web.devices import name_of

CHROME = "(KHTML, like Gecko) Chrome/141.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "browser", "system", "icon"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux", "laptop"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
            "Safari", "iPhone", "smartphone",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/141.0 Safari/604.1", "Chrome", "iPhone",
         "smartphone"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/141.0", "Edge", "Windows", "monitor"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "Chrome", "Android", "smartphone"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME} Safari/537.36", "Chrome", "macOS", "laptop"),
        (f"Mozilla/5.0 (X11; CrOS x86_64) {CHROME} Safari/537.36 OPR/120", "Opera", "ChromeOS", "laptop"),
        ("curl/8.5.0", "curl", "", "monitor"),
        ("python-httpx/0.28", "python-httpx", "", "monitor"),
        ("Mozilla/5.0 (something else)", "", "", "monitor"),
        ("<script>alert(1)</script>", "", "", "monitor"),
        ("", "", "", "monitor"),
    ],
)  # fmt: skip
def test_devices_have_names_that_people_know(user_agent: str, browser: str, system: str, icon: str) -> None:
    assert name_of(user_agent) == (browser, system, icon)
