"""Likely secrets in a text that is about to become public: keys and tokens, private keys, passwords.

Two kinds of rules. `FORMATS` are tokens that say by themselves what they are (`ghp_…`); their table is the end of this
file. `SHAPES` are values that are secret by what stands around them (`password = "…"`), see `secret_shapes.py`. Either
counts only if it does not look made up, see `placeholders.py`. What is tried at one place of a text reads no further
than a bound or than the next place, so the time is linear in the text.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mentorq.core.placeholders import is_made_up, looks_random
from mentorq.core.secret_shapes import SHAPES


class Finding(NamedTuple):
    """A place that looks like a secret; it does not hold the secret. Lines and columns count from 1, in characters."""

    kind: str
    line: int
    column: int
    length: int


def find_secrets(text: str) -> list[Finding]:
    """Return what in `text` looks like a secret, in the order of the text; places do not overlap."""
    findings, line, line_start, seen = [], 1, 0, 0
    for place in _apart(_places(text)):
        line += text.count("\n", seen, place.start)
        line_start = text.rfind("\n", seen, place.start) + 1 or line_start
        seen = place.start
        if place.kind:
            findings.append(Finding(place.kind, line, place.start - line_start + 1, place.end - place.start))
    return findings


class Place(NamedTuple):
    """Where something was found. Of two that overlap the one with the lower rank counts; without a kind: harmless."""

    start: int
    rank: int
    end: int
    kind: str


GROWS = "\u0130"
"""The one character (İ) that becomes two in lower case."""


def _places(text: str) -> Iterator[Place]:
    for rank, form in enumerate(FORMATS):
        if any(word in text for word in form.words):
            for match in form.pattern.finditer(text):
                start, end = match.span(match.lastindex or 0)
                yield Place(start, rank, end, "" if form.is_harmless(text[start:end]) else form.kind)
    lower = text.replace(GROWS, "i").lower()  # as long as `text`
    for rank, shape in enumerate(SHAPES, len(FORMATS)):
        if any(word in lower for word in shape.words):
            for start, end in shape.find(text, lower):
                yield Place(start, rank, end, shape.kind)


def _apart(places: Iterable[Place]) -> list[Place]:
    kept: list[Place] = []
    for place in sorted(places):
        if not kept or place.start >= kept[-1].end:
            kept.append(place)
        elif place.rank < kept[-1].rank:
            kept[-1] = place
    return kept


# --- formats


def _never(token: str) -> bool:
    return False


def _always(token: str) -> bool:
    return True


def _not_random(token: str) -> bool:
    return not looks_random(token)


def _of_textbooks(token: str) -> bool:
    """John Doe's JSON web token, and the like."""
    payload = token.split(".")[1]
    try:
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except ValueError:
        return False
    return any(word in claims for word in (b"1234567890", b"John Doe"))


@dataclass(frozen=True)
class Format:
    """A token that is known by its form."""

    kind: str
    words: tuple[str, ...]
    """One of them is in every such token; most texts have none, and the pattern is not tried."""
    pattern: re.Pattern[str]
    """If it has a group, that is the token."""
    source: str
    is_harmless: Callable[[str], bool]


def _format(
    kind: str, words: str, pattern: str, source: str, is_harmless: Callable[[str], bool] = is_made_up
) -> Format:
    whole = rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])"
    return Format(kind, tuple(words.split()), re.compile(whole, re.ASCII), source, is_harmless)


_GAP = r"(?:\\[nr]|[\s>|\"'+#*]){1,40}"
_BODY = (
    rf"{_GAP}(?:[\w-]+: [^\n]{{0,100}}\s{{1,10}}){{0,4}}[A-Za-z0-9+/=]{{40,}}"
    rf"(?:(?:{_GAP}[A-Za-z0-9+/=]{{40,}})*+(?:{_GAP}[A-Za-z0-9+/=]{{1,80}}){{0,2}}"
    rf"{_GAP}-----END [A-Z0-9 ]{{0,40}}-----)?"
)
"""What follows the first line of a private key, also within a string, a quotation or YAML: headers, base64, the end."""

# Sources: a vendor's own page where it says what its tokens look like, else a rule of gitleaks, TruffleHog's or
# detect-secrets' collections, by its name.
FORMATS = (
    _format(
        "a Google service account key",
        "private_key",
        rf'"private_key"\s{{0,5}}:\s{{0,5}}"-----BEGIN [A-Z ]{{0,20}}PRIVATE KEY-----{_BODY}',
        "https://cloud.google.com/iam/docs/keys-create-delete",
        _never,
    ),
    _format(
        "a private key",
        "PRIVATE KEY",
        rf"-----BEGIN [A-Z0-9 ]{{0,30}}PRIVATE KEY(?: BLOCK)?-----{_BODY}",
        "RFC 7468; OpenSSH's PROTOCOL.key; RFC 9580, 6.2 (PGP)",
        _never,
    ),
    _format(
        "a private key",
        "Private-Lines:",
        r"Private-Lines: \d{1,4}\s{1,4}[A-Za-z0-9+/=]{40,}",
        "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html",
        _never,
    ),
    _format(
        "a private key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[0-9A-Z]{58}", "https://age-encryption.org/v1", _never
    ),
    # Test keys and public halves are in every tutorial, and open nothing.
    _format("", "_test_ pk_live_", r"(?:[srp]k_test|pk_live)_\w{1,250}", "https://docs.stripe.com/keys", _always),
    _format("", "sha256- sha384- sha512-", r"sha(?:256|384|512)-[A-Za-z0-9+/]{40,90}={0,2}", "W3C SRI", _always),
    _format(
        "an AWS access key",
        "AKIA ASIA ABIA ACCA",
        r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
    ),
    _format(
        "a GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        r"gh[pousr]_[A-Za-z0-9]{36,251}",
        "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github",
    ),
    _format("a GitHub token", "github_pat_", r"github_pat_\w{50,244}", "gitleaks: github-fine-grained-pat"),
    _format(
        "a GitLab token",
        "glpat- glptt- gldt- glrt- glrtr- glcbt- glsoat- glft- glagent- glimt- glffct- gloas-",
        r"gl(?:pat|ptt|dt|rtr?|cbt|soat|ft|agent|imt|ffct|oas)-[\w-]{20,300}(?:(?:\.[0-9a-z]{2})?\.[0-9a-z]{9})?",
        "https://docs.gitlab.com/security/tokens/#token-prefixes",
    ),
    _format(
        "a Slack token",
        "xoxa- xoxb- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp-",
        r"(?:xox[abeoprs]|xapp|xoxe\.xox[bp])-[0-9A-Za-z-]{20,250}",
        "https://docs.slack.dev/authentication/tokens",
    ),
    _format(
        "a Slack webhook address",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{30,90}",
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
    ),
    _format("a Stripe key", "k_live_", r"[sr]k_live_[A-Za-z0-9]{16,250}", "https://docs.stripe.com/keys"),
    _format("a Stripe webhook secret", "whsec_", r"whsec_[A-Za-z0-9+/]{24,128}", "https://docs.stripe.com/webhooks"),
    _format("a Google API key", "AIza", r"AIza[\w-]{35}", "gitleaks: gcp-api-key"),
    _format("a Google client secret", "GOCSPX-", r"GOCSPX-[\w-]{28}", "TruffleHog: googleoauth2"),
    _format("a Google access token", "ya29.", r"ya29\.[\w-]{30,}", "detect-secrets and TruffleHog: googleoauth2"),
    _format("an Anthropic key", "sk-ant-", r"sk-ant-[a-z0-9]{3,12}-[\w-]{40,200}", "gitleaks: anthropic-api-key"),
    _format(
        "an OpenAI key",
        "sk-proj- sk-svcacct- sk-admin- sk-None-",
        r"sk-(?:proj|svcacct|admin|None)-[\w-]{40,250}",
        "gitleaks: openai-api-key",
    ),
    _format(
        "an API key",
        "sk-",
        r"sk-(?:or-v1-)?(?=[A-Za-z0-9]{0,40}[0-9])[A-Za-z0-9]{32,100}",
        "gitleaks: openai-api-key (before projects); the same form is OpenRouter's and others'",
    ),
    _format("an npm token", "npm_", r"npm_[A-Za-z0-9]{36}", "https://docs.npmjs.com/about-access-tokens"),
    _format("a PyPI token", "pypi-AgE", r"pypi-AgE[\w-]{50,1000}", "https://pypi.org/help/#apitoken"),
    _format("a RubyGems key", "rubygems_", r"rubygems_[a-f0-9]{48}", "gitleaks: rubygems-api-token"),
    _format("a NuGet key", "oy2", r"oy2[a-z0-9]{43}", "TruffleHog: nugetapikey"),
    _format("a crates.io token", "cio", r"cio[A-Za-z0-9]{32}", "https://github.com/rust-lang/crates.io"),
    _format("a Docker Hub token", "dckr_", r"dckr_[op]at_[\w-]{27,64}", "TruffleHog: dockerhub"),
    _format(
        "a SendGrid key",
        "SG.",
        r"SG\.[\w-]{20,24}\.[\w-]{39,50}",
        "gitleaks: sendgrid-api-key",
    ),
    _format(
        "a Mailgun key",
        "key- -",
        r"key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
        "gitleaks: mailgun-private-api-token, mailgun-signing-key",
    ),
    _format("a Mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}", "gitleaks: mailchimp-api-key"),
    _format("a Twilio key", "SK", r"SK[0-9a-fA-F]{32}", "gitleaks: twilio-api-key"),
    _format(
        "a Telegram bot token",
        ":",
        r"[0-9]{8,10}:[\w-]{35}(?!-)",
        "https://core.telegram.org/bots/features#botfather",
        _not_random,
    ),
    _format(
        "a Discord bot token",
        ".",
        r"[MNO][A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,40}",
        "https://docs.discord.com/developers/reference#authentication; detect-secrets: discord",
        _not_random,
    ),
    _format(
        "a Discord webhook address",
        "/api/webhooks/",
        r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[\w-]{60,80}",
        "https://docs.discord.com/developers/resources/webhook",
    ),
    _format(
        "a Heroku key",
        "heroku HEROKU Heroku",
        r"(?:heroku|HEROKU|Heroku)[\w .-]{0,20}[\"'`]?\s{0,3}[:=>][\s\"'`]{0,5}"
        r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
        "gitleaks: heroku-api-key",
    ),
    _format("a Heroku key", "HRKU-", r"HRKU-[\w-]{36,64}", "gitleaks: heroku-api-key-v2"),
    _format("a DigitalOcean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}", "gitleaks: digitalocean-pat"),
    _format("a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{34}", "gitleaks: huggingface-access-token"),
    _format("a Groq key", "gsk_", r"gsk_[A-Za-z0-9]{52}", "TruffleHog: groq"),
    _format("a Replicate token", "r8_", r"r8_[\w-]{37}", "TruffleHog: replicate"),
    _format("a Perplexity key", "pplx-", r"pplx-[A-Za-z0-9]{48}", "gitleaks: perplexity-api-key"),
    _format("a Databricks token", "dapi", r"dapi[a-f0-9]{32}(?:-\d)?", "gitleaks: databricks-api-token"),
    _format("a Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", "gitleaks: shopify-access-token"),
    _format("a Square token", "sq0", r"sq0(?:atp|csp)-[\w-]{22,60}", "gitleaks: square-access-token"),
    _format("an Atlassian token", "ATATT3", r"ATATT3[\w=-]{100,250}", "gitleaks: atlassian-api-token"),
    _format("a Linear key", "lin_api_", r"lin_api_[A-Za-z0-9]{40}", "gitleaks: linear-api-key"),
    _format("a Notion token", "ntn_", r"ntn_[0-9]{11}[A-Za-z0-9]{35}", "gitleaks: notion-api-token"),
    _format("a Postman key", "PMAK-", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}", "gitleaks: postman-api-token"),
    _format(
        "a Grafana token", "glsa_", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}", "gitleaks: grafana-service-account-token"
    ),
    _format("a New Relic key", "NRAK-", r"NRAK-[A-Z0-9]{27}", "gitleaks: new-relic-user-api-key"),
    _format(
        "a Sentry token",
        "sntry",
        r"sntry(?:u_[a-f0-9]{64}|s_eyJ[\w+/=]{60,500})",
        "gitleaks: sentry-user-token, sentry-org-token",
    ),
    _format(
        "a Supabase key",
        "sbp_ sb_secret_",
        r"sbp_[a-f0-9]{40}|sb_secret_[\w-]{20,60}",
        "https://supabase.com/docs/guides/api/api-keys",
    ),
    _format(
        "a Vault token",
        "hvs. hvb.",
        r"hv[sb]\.[\w-]{24,300}",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens",
    ),
    _format(
        "a Terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70}", "gitleaks: hashicorp-tf-api-token"
    ),
    _format(
        "an Airtable token", "pat", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}", "gitleaks: airtable-personnal-access-token"
    ),
    _format(
        "an Azure storage key",
        "AccountKey=",
        r"AccountKey=([A-Za-z0-9+/]{86}==)",
        "https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string",
    ),
    _format(
        "a JSON web token", "eyJ", r"(?<![\w.-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}", "RFC 7519", _of_textbooks
    ),
)

KINDS = tuple(dict.fromkeys(rule.kind for rule in (*FORMATS, *SHAPES) if rule.kind))
"""All kinds of findings, each once: for who wants to translate them."""
