"""Every environment variable that MentorQ reads, with its default and what it does. `.env` is read, too."""

import contextlib
import os
import re
import secrets
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mentorq import mail_settings, storage_settings

MINIMUM_SECRET_BYTES = 32
HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d+)?")
PLACEHOLDERS = ("change", "secret", "placeholder", "example", "your-", "xxxx")


class WrongSetting(Exception):
    """A setting that stops the start; its text is one sentence that names the variable."""


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _addresses(value: object) -> object:
    return _parts(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """What the environment says; each field's name in capitals is the variable's name."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, str_strip_whitespace=True)

    mentorq_data_dir: Path = Field(Path("data"), description="Where the embedded database, files and secret key live.")
    database_url: str = Field("", description="`sqlite:///…` or `postgresql://…`; default: SQLite in the data folder.")
    database_pool_size: int = Field(10, ge=1, le=200, description="Connections to PostgreSQL for each process.")
    secret_key: str = Field("", description="Signs tokens, ≥ 32 bytes; made and kept in the data folder on SQLite.")
    algorithm: Literal["HS256", "HS384", "HS512"] = Field("HS256", description="How access tokens are signed.")
    access_token_expire_minutes: int = Field(30, ge=1, le=1440, description="Life of an access token.")
    refresh_token_expire_days: int = Field(30, ge=1, le=365, description="Life of a sign-in that is not used.")
    bcrypt_rounds: int = Field(12, ge=4, le=16, description="Cost of a password's hash; 4 is for tests only.")
    redis_url: str = Field("", description="`redis://…`: needed as soon as several processes serve.")
    storage_url: str = Field(
        "",
        description="Where people's pictures are kept: `file:///folder` or `s3://KEY:SECRET@bucket/prefix"
        "?region=…&endpoint=…`; default: `files` in the data folder.",
    )
    mail_url: str = Field(
        "log://",
        description="Where mail goes: `smtp(s)://`, `sendgrid://`, `mailgun://`; `log://` shows it in the log.",
    )
    mail_from: str = Field("", description="Whom mail is from; default: `MentorQ <no-reply@host of PUBLIC_URL>`.")
    mail_webhook_key: str = Field("", description="Proves what SendGrid or Mailgun report of bounces and complaints.")
    public_url: str = Field("http://localhost:8000", description="Where people reach this installation.")
    trusted_proxies: Annotated[list[str], NoDecode, BeforeValidator(_addresses)] = Field(
        default_factory=list, description="Addresses whose X-Forwarded-For is believed, comma-separated."
    )
    allow_private_addresses: bool = Field(
        False, description="Let webhooks and push reach private addresses, also by plain http; for labs and tests."
    )
    rate_limits: bool = Field(True, description="`off` for tests and imports through the API.")
    metrics_token: str = Field("", description="Bearer token for /metrics; without it only loopback may read them.")
    log_format: Literal["console", "json"] = Field("console", description="Log lines for people or for programs.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    embedded_worker: bool = Field(True, description="Run the job worker inside `serve`; `off` beside `mentorq worker`.")
    max_body_bytes: int = Field(1 << 20, ge=1 << 16, description="Larger request bodies are refused with 413.")
    claim_lease_minutes: int = Field(30, ge=1, description="Time to answer a ticket after accepting it.")
    conversation_lease_hours: int = Field(24, ge=1, description="Time between two messages of the mentor.")
    auto_close_days: int = Field(14, ge=1, description="A resolved ticket closes by itself after so many days.")
    matching_waves: str = Field(
        "10/5, 50/15",
        pattern=r"^(\d{1,6}/\d{1,6}(, ?\d{1,6}/\d{1,6})*)?$",
        description="How many of the best mentors are told of a ticket until how many minutes have passed; then all.",
    )
    matching_notices_a_day: int = Field(
        20, ge=0, description="Of more new tickets a mentor is told in the digest only."
    )
    mail_delay_seconds: int = Field(60, ge=0, description="What is read in the meantime is not mailed.")
    max_active_tickets: int = Field(
        5, ge=1, description="A mentor with so many tickets in hand is not suggested, unless they chose another number."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.database_url:
            self._set("database_url", f"sqlite:///{self.mentorq_data_dir / 'mentorq.db'}")
        if self.database_url in ("sqlite:///", "sqlite:///:memory:"):
            raise ValueError("DATABASE_URL must name a file: all that serve and work share it")
        _check_url("DATABASE_URL", self.database_url, "sqlite:///", "postgresql://", "postgres://")
        if self.redis_url:
            _check_url("REDIS_URL", self.redis_url, "redis://", "rediss://", "unix://")
        _check_url("PUBLIC_URL", self.public_url, "http://", "https://")
        if urlsplit(self.public_url).netloc == "":
            raise ValueError("PUBLIC_URL must name a host")
        self._set("public_url", self.public_url.rstrip("/"))
        self._set("storage_url", self.storage_url or storage_settings.usual_url(self.mentorq_data_dir))
        storage_settings.place_of(self.storage_url)
        self._set("mail_from", self.mail_from or mail_settings.usual_sender(self.public_url))
        mail_settings.sender_of(self.mail_from)
        provider = mail_settings.provider_of(self.mail_url)
        if self.mail_webhook_key:
            mail_settings.check_webhook_key(provider, self.mail_webhook_key)
        self._set("secret_key", self._secret())
        return self

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _secret(self) -> str:
        key = self.secret_key
        if not key and self.is_sqlite:
            key = _kept_secret(self.mentorq_data_dir / "secret_key")
            if not _is_random(key):
                raise ValueError(f"SECRET_KEY as kept in {self.mentorq_data_dir / 'secret_key'} is damaged: restore it")
            return key
        if len(key.encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(
                f"SECRET_KEY must be set to at least {MINIMUM_SECRET_BYTES} random bytes, "
                'for example by: python -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
        if not _is_random(key):
            raise ValueError("SECRET_KEY is a placeholder; set it to random bytes")
        return key

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is embedded."""
        return self.database_url.startswith("sqlite:")

    @property
    def sqlite_path(self) -> Path:
        """The embedded database's file."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def is_https(self) -> bool:
        """Whether people reach us by https."""
        return self.public_url.startswith("https://")

    @property
    def claim_lease(self) -> timedelta:
        """How long a mentor may keep a ticket before the first message."""
        return timedelta(minutes=self.claim_lease_minutes)

    @property
    def conversation_lease(self) -> timedelta:
        """How long a mentor may keep a ticket after each message."""
        return timedelta(hours=self.conversation_lease_hours)

    @property
    def waves(self) -> list[tuple[int, timedelta]]:
        """How many mentors are told of a new ticket, and how long after it was posted that is so."""
        waves = (wave.split("/") for wave in _parts(self.matching_waves))
        return [(int(count), timedelta(minutes=int(minutes))) for count, minutes in waves]

    @property
    def mail_delay(self) -> timedelta:
        """How long something has to be unread before it is mailed."""
        return timedelta(seconds=self.mail_delay_seconds)


def _check_url(name: str, url: str, *beginnings: str) -> None:
    if not url.startswith(beginnings):
        raise ValueError(f"{name} must begin with {' or '.join(beginnings)}")
    hosts = urlsplit(url).netloc.rpartition("@")[2]
    if not all(HOST.fullmatch(host) for host in hosts.split(",")):
        raise ValueError(f"{name} has a host or port that is none")


def _is_random(key: str) -> bool:
    long_enough = len(key.encode()) >= MINIMUM_SECRET_BYTES and len(set(key)) >= 8
    return long_enough and not any(word in key.lower() for word in PLACEHOLDERS)


def _kept_secret(file: Path) -> str:
    try:
        if not file.exists():
            _make_secret(file)
        return file.read_text().strip()
    except OSError as error:
        raise ValueError(f"MENTORQ_DATA_DIR cannot be used: {error.strerror} ({error.filename})") from error


def _make_secret(file: Path) -> None:
    """The first of several processes that start at once makes the data folder's key; nobody sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent) as fresh:  # of mode 0600
        fresh.write(secrets.token_urlsafe(48))
        fresh.flush()
        os.fsync(fresh.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh.name, file)


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        WrongSetting: a value is missing or wrong; the text names the variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else ""
        message = first["msg"].removeprefix("Value error, ")
        raise WrongSetting(f"{name}: {message}" if name else message) from error
