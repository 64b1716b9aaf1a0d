"""Likely secrets: each kind is found where it stands, what only stands for one is not, and it takes no time.

No text here is a token: they are put together when the tests run, so that nobody's scanner takes them for real.
"""

import base64
import json
import random
import re
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentorq.core.secrets import FORMATS, GROWS, KINDS, find_secrets

LETTERS = string.ascii_letters
HEX = "0123456789abcdef"
WORD = LETTERS + string.digits
SAFE = WORD + "-_"
BASE64 = WORD + "+/"

Random = random.Random
always_the_same = settings(derandomize=True, max_examples=50, deadline=None)
"""By chance, once in a hundred thousand, what is random spells a word: that must not fail somebody's build."""


def of(alphabet: str, count: int) -> Callable[[Random], str]:
    """So many random characters, as varied as a machine's; the last may end a token."""
    digits = min(3, count // 5) if "9" in alphabet else 0

    def make(chance: Random) -> str:
        while True:
            text = "".join(chance.choices(alphabet, k=count))
            is_varied = len(set(text)) >= min(count // 2 + 1, 9) and sum(map(str.isdigit, text)) >= digits
            if text[-1].isalnum() and is_varied:
                return text

    return make


def parts(*made: str | Callable[[Random], str]) -> Callable[[Random], str]:
    """Fixed and random parts, one after the other."""
    return lambda chance: "".join(part if isinstance(part, str) else part(chance) for part in made)


def json_web_token(chance: Random) -> str:
    """A signed claim."""

    def encoded(part: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    claims: dict[str, object] = {"sub": str(chance.randrange(10**5)), "name": "Ana"}
    return f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}.{of(SAFE, 43)(chance)}"


def key_block(name: str, newline: str = "\n", headers: str = "") -> Callable[[Random], str]:
    """A private key in its armour."""
    lines = [of(BASE64, 64)] * 3
    body = [part for line in lines for part in (line, newline)]
    return parts("-----BEGIN ", name, "-----", newline, headers, *body, "-----END ", name, "-----")


TOKENS: list[tuple[str, Callable[[Random], str]]] = [
    ("an AWS access key", parts("AKIA", of(string.ascii_uppercase + "234567", 16))),
    ("an AWS access key", parts("ASIA", of(string.ascii_uppercase + "234567", 16))),
    *[("a GitHub token", parts(f"gh{kind}_", of(WORD, 36))) for kind in "pousr"],
    ("a GitHub token", parts("github_pat_", of(WORD, 22), "_", of(WORD, 59))),
    ("a GitLab token", parts("glpat-", of(SAFE, 20))),
    ("a GitLab token", parts("glrt-t3_", of(SAFE, 27), ".01.", of(WORD.lower(), 9))),
    ("a Slack token", parts("xoxb-", of(string.digits, 11), "-", of(string.digits, 11), "-", of(WORD, 24))),
    ("a Slack token", parts("xapp-1-A", of(WORD.upper(), 10), "-", of(HEX, 64))),
    ("a Slack webhook address", parts("hooks.slack.com/services/T", of(WORD, 9), "/B", of(WORD, 9), "/", of(WORD, 24))),
    ("a Stripe key", parts("sk_live_", of(WORD, 24))),
    ("a Stripe key", parts("rk_live_", of(WORD, 99))),
    ("a Stripe webhook secret", parts("whsec_", of(WORD, 32))),
    ("a Google API key", parts("AIza", of(SAFE, 35))),
    ("a Google client secret", parts("GOCSPX-", of(SAFE, 28))),
    ("a Google access token", parts("ya29.", of(SAFE, 120))),
    ("an OpenAI key", parts("sk-proj-", of(SAFE, 74), "T3BlbkFJ", of(SAFE, 74))),
    ("an API key", parts("sk-", of(WORD, 20), "T3BlbkFJ", of(WORD, 20))),
    ("an API key", parts("sk-or-v1-", of(HEX, 64))),
    ("an Anthropic key", parts("sk-ant-api03-", of(SAFE, 93), "AA")),
    ("an npm token", parts("npm_", of(WORD, 36))),
    ("a PyPI token", parts("pypi-AgEIcHlwaS5vcmc", of(SAFE, 150))),
    ("a RubyGems key", parts("rubygems_", of(HEX, 48))),
    ("a NuGet key", parts("oy2", of(WORD[:26] + string.digits, 43))),
    ("a crates.io token", parts("cio", of(WORD, 32))),
    ("a Docker Hub token", parts("dckr_pat_", of(SAFE, 27))),
    ("a SendGrid key", parts("SG.", of(SAFE, 22), ".", of(SAFE, 43))),
    ("a Mailgun key", parts("key-", of(HEX, 32))),
    ("a Mailgun key", parts(of(HEX, 32), "-", of(HEX, 8), "-", of(HEX, 8))),
    ("a Mailchimp key", parts(of(HEX, 32), "-us14")),
    ("a Twilio key", parts("SK", of(HEX, 32))),
    ("a Telegram bot token", parts("4839574812:AA", of(SAFE, 33))),
    ("a Discord bot token", parts("MTk4NjIyNDgzNDcxOTI1", of(WORD, 6), ".", of(SAFE, 6), ".", of(SAFE, 38))),
    ("a Discord webhook address", parts("discord.com/api/webhooks/830284757392019477/", of(SAFE, 68))),
    ("a Heroku key", parts("HRKU-AA", of(SAFE, 58))),
    ("a DigitalOcean token", parts("dop_v1_", of(HEX, 64))),
    ("a Hugging Face token", parts("hf_", of(WORD, 34))),
    ("a Groq key", parts("gsk_", of(WORD, 52))),
    ("a Replicate token", parts("r8_", of(SAFE, 37))),
    ("a Perplexity key", parts("pplx-", of(WORD, 48))),
    ("a Databricks token", parts("dapi", of(HEX, 32))),
    ("a Shopify token", parts("shpat_", of(HEX, 32))),
    ("a Square token", parts("sq0atp-", of(SAFE, 22))),
    ("an Atlassian token", parts("ATATT3xFfGF0", of(SAFE, 170))),
    ("a Linear key", parts("lin_api_", of(WORD, 40))),
    ("a Notion token", parts("ntn_48395748123", of(WORD, 35))),
    ("a Postman key", parts("PMAK-", of(HEX, 24), "-", of(HEX, 34))),
    ("a Grafana token", parts("glsa_", of(WORD, 32), "_", of(HEX, 8))),
    ("a New Relic key", parts("NRAK-", of(string.ascii_uppercase + string.digits, 27))),
    ("a Sentry token", parts("sntryu_", of(HEX, 64))),
    ("a Supabase key", parts("sbp_", of(HEX, 40))),
    ("a Vault token", parts("hvs.", of(SAFE, 95))),
    ("a Terraform token", parts(of(WORD, 14), ".atlasv1.", of(SAFE, 67))),
    ("an Airtable token", parts("pat", of(WORD, 14), ".", of(HEX, 64))),
    ("a JSON web token", json_web_token),
    ("a private key", key_block("PRIVATE KEY")),
    ("a private key", key_block("RSA PRIVATE KEY")),
    ("a private key", key_block("EC PRIVATE KEY", "\\n")),
    ("a private key", key_block("OPENSSH PRIVATE KEY", "\n> ")),
    ("a private key", key_block("PGP PRIVATE KEY BLOCK", headers="Version: GnuPG v2\n\n")),
    ("a private key", parts("Private-Lines: 14\n", of(BASE64, 64))),
    ("a private key", parts("AGE-SECRET-KEY-1", of("023456789ACDEFGHJKLMNPQRSTUVWXYZ", 58))),
]

PASSWORD = parts(of(LETTERS, 5), of(string.digits, 3), "!", of(LETTERS, 4))
UUID = parts(of(HEX, 8), "-", of(HEX, 4), "-", of(HEX, 4), "-", of(HEX, 4), "-", of(HEX, 12))

SHAPES: list[tuple[str, str, Callable[[Random], str], str]] = [
    ("a password in an address", "postgresql://app:", PASSWORD, "@db.acme.io:5432/app"),
    ("a password in an address", "redis://:", of(WORD, 20), "@cache.acme.io"),
    ("a password in an address", "https://oauth2:", of(WORD, 20), "@git.acme.io/a.git"),
    ("a password in an address", "amqp://app:", of(WORD, 24), "@localhost:5672"),
    ("a password", 'password = "', PASSWORD, '"'),
    ("a password", "PASSWORD: '", PASSWORD, "'"),
    ("a password", '"db_password": "', PASSWORD, '",'),
    ("a password", '\\"password\\": \\"', PASSWORD, '\\"'),
    ("a password", "$config['password'] => '", PASSWORD, "',"),
    ("a password", 'const char password[] = "', PASSWORD, '";'),
    ("a password", 'password: str = "', PASSWORD, '"'),
    ("a password", "<password>", of(WORD, 24), "</password>"),
    ("a password", 'name="password" value="', PASSWORD, '"/>'),
    ("a password", 'dataSource.setPassword("', PASSWORD, '");'),
    ("a password", 'properties.put("password", "', PASSWORD, '");'),
    ("a password", '"contraseña": "', PASSWORD, '"'),
    ("a password", "Server=db.acme.io;Database=a;User Id=sa;Password=", PASSWORD, ";Encrypt=yes"),
    ("a password", "jdbc:mysql://db.acme.io/a?user=app&password=", PASSWORD, "&x=1"),
    ("a password", "machine git.acme.io\n  login ana\n  password ", of(WORD, 12), "\n"),
    ("a secret key or token", "SECRET_KEY=", of(WORD, 40), ""),
    ("a secret key or token", "SECRET_KEY = '", of(WORD, 50), "'"),
    ("a secret key or token", "aws_secret_access_key = ", of(BASE64, 40), ""),
    ("a secret key or token", "NEXTAUTH_SECRET=", of(BASE64, 43), ""),
    ("a secret key or token", 'String apiKey = "', of(HEX, 32), '";'),
    ("a secret key or token", "X-API-Key: ", of(WORD, 32), ""),
    ("a secret key or token", "api key: `", UUID, "`"),
    ("a secret key or token", 'auth_token: "', of(HEX, 32), '"'),
    ("a secret key or token", "https://api.acme.io/v1?access_token=", of(WORD, 40), "&x=1"),
    ("a Heroku key", "HEROKU_API_KEY=", UUID, ""),
    ("an access token", "Authorization: Bearer ", of(WORD, 40), ""),
    ("an access token", '"Authorization": "Bearer ', of(SAFE, 64), '"'),
    ("an Azure storage key", "AccountName=a;AccountKey=", parts(of(BASE64, 86), "=="), ";"),
]
ALONE = [
    ("a password", "spring.datasource.password=", PASSWORD),
    ("a password", "  password: ", PASSWORD),
    ("a password", "export DB_PASSWORD=", PASSWORD),
]

# Prose of any script, but without the ASCII of which tokens and names are made.
PROSE = st.text(st.characters(codec="utf-8", exclude_characters=f"{WORD}-_=:/+.@\"'`\\<>()[]{{}}|#*&;,!%$~?"))


def test_every_format_has_an_example_here() -> None:
    tried = {kind for kind, _ in TOKENS} | {kind for kind, *_ in (*SHAPES, *ALONE)}
    assert tried == set(KINDS) - {"a Google service account key"}
    assert all(rule.source for rule in FORMATS)


@pytest.mark.parametrize(("kind", "make"), TOKENS, ids=[f"{n} {kind}" for n, (kind, _) in enumerate(TOKENS)])
@always_the_same
@given(chance=st.randoms(use_true_random=False), before=PROSE, after=PROSE)
def test_a_token_is_found_where_it_stands(
    kind: str, make: Callable[[Random], str], chance: Random, before: str, after: str
) -> None:
    token = make(Random(chance.getrandbits(64)))
    found_alone(f"{before} ", kind, token, f" {after}")


@pytest.mark.parametrize(("kind", "left", "make", "right"), SHAPES, ids=[shape[1] for shape in SHAPES])
@always_the_same
@given(chance=st.randoms(use_true_random=False), before=PROSE, after=PROSE)
def test_a_value_is_found_by_what_stands_around_it(
    kind: str, left: str, make: Callable[[Random], str], right: str, chance: Random, before: str, after: str
) -> None:
    value = make(Random(chance.getrandbits(64)))
    found_alone(f"{before}\n{left}", kind, value, f"{right}\n{after}")


@pytest.mark.parametrize(("kind", "left", "make"), ALONE, ids=[line[1] for line in ALONE])
@always_the_same
@given(chance=st.randoms(use_true_random=False), before=PROSE, after=PROSE)
def test_a_line_of_settings(
    kind: str, left: str, make: Callable[[Random], str], chance: Random, before: str, after: str
) -> None:
    value = make(Random(chance.getrandbits(64)))
    found_alone(f"{before}\n{left}", kind, value, f"\n{after}")


def found_alone(left: str, kind: str, token: str, right: str) -> None:
    """It is the one finding in the text, and its place is right."""
    (finding,) = find_secrets(f"{left}{token}{right}")
    line, column = left.count("\n") + 1, len(left) - (left.rfind("\n") + 1) + 1
    assert finding == (kind, line, column, len(token)), token


def test_several_are_told_in_their_order() -> None:
    chance = Random(7)
    token, password = parts("ghp_", of(WORD, 36))(chance), PASSWORD(chance)
    text = f'One: {token} {token}\n\nİ password = "{password}"\n{token}'
    places = [(finding.kind, finding.line, finding.column) for finding in find_secrets(text)]
    assert places == [
        ("a GitHub token", 1, 6),
        ("a GitHub token", 1, 47),
        ("a password", 3, 15),
        ("a GitHub token", 4, 1),
    ]


def test_what_has_a_form_and_a_name_is_told_once_by_its_form() -> None:
    chance = Random(7)
    token = parts("ghp_", of(WORD, 36))(chance)
    for text in (f'token = "{token}"', f"Authorization: Bearer {token}", f"https://ana:{token}@git.acme.io"):
        assert [finding.kind for finding in find_secrets(text)] == ["a GitHub token"]


def test_a_service_account() -> None:
    key = key_block("PRIVATE KEY", "\\n")(Random(7))
    text = f'{{\n  "type": "service_account",\n  "private_key": "{key}\\n"\n}}'
    (finding,) = find_secrets(text)
    assert finding[:3] == ("a Google service account key", 3, 3)


def test_basic_credentials() -> None:
    for password, count in ((PASSWORD(Random(7)), 1), ("password", 0)):
        credentials = base64.b64encode(f"ana:{password}".encode()).decode()
        assert len(find_secrets(f"Authorization: Basic {credentials}")) == count
        assert find_secrets(f"basic {credentials}") == []
    assert find_secrets("Authorization: Basic authentication") == []


JOHN = json.dumps({"sub": "1234567890", "name": "John Doe", "iat": 1516239022}).encode()
HARMLESS = [
    "password",
    "changeme",
    "example",
    'api_key = "YOUR_API_KEY"',
    'api_key = "your-api-key-here-1234"',
    "token = '<token>'",
    "token: xxxxxxxxxxxxxxxxxxxxxxxx",
    "ghp_" + "x" * 36,
    "ghp_" + "abcdefghij" * 3 + "abcdef",
    "AKIA" + "IOSFODNN7" + "EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCY" + "EXAMPLEKEY",
    "stripe.api_key = 'sk_" + "test_4eC39HqLyjWDarjtT1zdp7dc'",
    "STRIPE_SECRET_KEY=sk_" + "test_4eC39HqLyjWDarjtT1zdp7dc",
    "pk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
    "sk-" + "..." + "abcd",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\n" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 4,
    "eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(JOHN).decode().rstrip("=") + "." + "SflKxwRJSMeKKF2QT4fw" * 2,
    "postgresql://user:password@localhost/app",
    "postgresql://postgres:postgres@localhost:5432/app",
    "postgresql://app:hunter2@localhost/app",
    "mysql://root:root@db/app",
    "postgresql://${DB_USER}:${DB_PASSWORD}@db.acme.io/app",
    "https://user:pass@api.acme.io",
    "https://<user>:<password>@api.acme.io",
    "http://proxy.acme.io:8080/@scope/package",
    'password = os.environ["DB_PASSWORD"]',
    'SECRET_KEY = os.environ.get("SECRET_KEY")',
    "SECRET_KEY=${SECRET_KEY}",
    "password: {{ vault_password_1 }}",
    "PASSWORD=%DB_PASSWORD1%",
    'password = getpass.getpass("Password 1: ")',
    'password = "P@ssw0rd123"',
    'password = "test1234"',
    'password = "my-secret-password-1"',
    'password = ""',
    'private String password = "";',
    "password1 = password2",
    'if password == "hunter2hunter2":',
    'password_hash = "$2b$12$" + salt',
    'url = "https://a.b/?password="+user.getPassword1()+"&x=1"',
    "String token = tokenizer.nextToken();",
    'Token("IDENTIFIER_1", 12)',
    '"next_page_token": "' + "CAUQAA4f9b2c3d1e" * 2 + '"',
    'csrf_token = "' + "4f9b2c3d1eA7" * 3 + '"',
    "PublicKeyToken=b03f5f7f11d50a3a",
    "Using generated security password: 5a4a254a-cabe-43df-85a2-de1fd0d9a375",
    "id: 5a4a254a-cabe-43df-85a2-de1fd0d9a375",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "d41d8cd98f00b204e9800998ecf8427e  empty.txt",
    '"integrity": "sha512-'
    + "v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ"
    + '+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="',
    "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4" * 3,
    "keyboard = 'qwertzuiop12345678'",
    "The secret: practise every day, and the token of success is yours.",
    "machine learning login page password reset",
    "Bearer authentication, basic understanding",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_stands_for_a_secret_is_none(text: str) -> None:
    assert find_secrets(text) == []
    assert find_secrets(f"I wrote\n\n```\n{text}\n```\n\nand then `{text}`.") == []


TRICKS = [
    *("pwd=", "pwd='", "password: ", '"token": "', "apikey=a1b2c3d4e5f6g7h8", "://a:b", "@", "Bearer "),
    *("-----BEGIN PRIVATE KEY-----", '"private_key": "', "authorization basic ", "machine a login b password "),
    *(
        "eyJ",
        "eyJhbGciOiJI.",
        "ghp_",
        "sk-",
        "sk_test_",
        "AKIA",
        "glpat-",
        "xoxb-",
        "heroku ",
        "12345678:",
        "key-",
        "SG.",
    ),
    *("\\n", GROWS, "ſ", "\u2028", "\r\n", "\n", " ", "a1", "${", "-", "[]\"'", "0123456789abcdef"),
]


@given(st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(TRICKS), st.text(max_size=30))).map("".join)))
def test_any_text_is_read_and_places_are_in_it(text: str) -> None:
    lines, last = text.split("\n"), (0, 0)
    for finding in find_secrets(text):
        assert finding.kind in KINDS
        assert last < (finding.line, finding.column)
        assert 1 <= finding.column <= len(lines[finding.line - 1])
        start = sum(len(line) + 1 for line in lines[: finding.line - 1]) + finding.column - 1
        assert 0 < finding.length <= len(text) - start
        last = (finding.line, finding.column)


def test_lower_case_is_as_long_as_the_text() -> None:
    """Places are looked for in a copy in lower case."""
    assert [chr(code) for code in range(0x110000) if len(chr(code).lower()) != 1] == [GROWS]


def seconds(text: str) -> float:
    """How long it takes the processor, at best."""
    return quickest(lambda: find_secrets(text))


def quickest(work: Callable[[], object]) -> float:
    """How long the processor needs for it, at best."""

    def once() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return min(once() for _ in range(3))


@pytest.mark.parametrize("trick", [*TRICKS, "a", "password\t", "MTk4."])
def test_time_is_linear(trick: str) -> None:
    size = 100_000
    text = (trick * (size // len(trick) + 1))[:size]
    assert seconds(text) < 20 * seconds(text[: size // 4]) + 0.05


def test_a_usual_question_takes_no_time() -> None:
    sentence = "I call `x = x.sort()` and then it is None: why? See https://docs.python.org/3/ for the tokens.\n"
    text = (sentence * 60)[:5000]
    assert "token" in text
    assert seconds(text) < 30 * quickest(lambda: re.findall(r"\w+", text)) + 0.002, "as long as 30 looks at each word"
