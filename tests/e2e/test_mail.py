"""A mail as a browser draws it: on the narrowest phone, light and dark, readable for everyone."""

from typing import Literal

import pytest
from playwright.async_api import Browser

from mentorq.core.mail import Letter
from mentorq.core.mail.letters import html_of
from tests.e2e.test_every_page import faults_of, overflow_of

pytestmark = pytest.mark.anyio

LETTER = Letter(
    "Ben answered: Why is my list None after sorting it in place with a key of my own?",
    ["Ben answered your question.", "x" * 200],
    ("Read the answer", "https://mentorq.example.org/app/tickets/7?token=" + "t" * 150),
    ["You get this because you asked the question."],
    quote="Use sorted(x).\n" + "y" * 200,
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_a_mail_is_readable(width: int, scheme: Literal["light", "dark"], browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.set_content(html_of(LETTER, "https://mentorq.example.org", "https://mentorq.example.org/u"))
    assert await overflow_of(page) == 0
    colour = await page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor")
    assert colour == {"light": "rgb(255, 255, 255)", "dark": "rgb(30, 35, 43)"}[scheme]
    assert await faults_of(page) == []
    assert asked == []
    await context.close()
