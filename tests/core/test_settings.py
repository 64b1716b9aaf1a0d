"""A wrong setting stops the start with one sentence that names the variable."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mentorq.mail_settings import Sender, provider_of, sender_of
from mentorq.settings import Settings, WrongSetting, load_settings

GOOD_SECRET = "J7wq-Vd3kz_P0eNf8yRb5cXh2uMg9tLa4iSo"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No variable of whoever runs the tests, and no `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


WRONG = {
    "DATABASE_URL": [
        "mysql://a/b",
        "nonsense",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "postgresql://a:b@c:port/d",
    ],
    "MATCHING_WAVES": ["10", "10/", "ten/5", "10/5;50/15", "-1/5", "10/5,"],
    "MATCHING_NOTICES_A_DAY": ["-1", "many"],
    "MAIL_DELAY_SECONDS": ["-1", "soon"],
    "DATABASE_POOL_SIZE": ["0", "-1", "many", "1.5", "100000"],
    "SECRET_KEY": [
        "short",
        "x" * 64,
        "change-me-change-me-change-me-change-me",
        "a-secret-that-is-long-enough-but-well-known",
    ],
    "ALGORITHM": ["none", "RS256", "hs256", ""],
    "ACCESS_TOKEN_EXPIRE_MINUTES": ["0", "-5", "1e9", "half an hour"],
    "REFRESH_TOKEN_EXPIRE_DAYS": ["0", "366"],
    "BCRYPT_ROUNDS": ["3", "17"],
    "REDIS_URL": ["http://a", "localhost:6379", "redis://a:port/0"],
    "STORAGE_URL": ["files", "ftp://bucket", "s3://", "s3://KEY@bucket", "s3://bucket?colour=red"],
    "MAIL_URL": [
        "gopher://a",
        "smtp",
        "smtp://",
        "smtp://host:port",
        "smtp://name@host",
        "smtp://host?tls=maybe",
        "smtp://host?color=red",
        "smtps://host?tls=off",
        "sendgrid://default",
        "sendgrid://key@elsewhere",
        "sendgrid://key@default?region=moon",
        "sendgrid://key@default?endpoint=http://a.example.org",
        "mailgun://mg.example.org",
        "mailgun://key@",
    ],
    "MAIL_FROM": ["nobody", "a@b@c", "MentorQ <>", "MentorQ", "ñ@example.org", "a b@example.org"],
    "MAIL_WEBHOOK_KEY": ["a-key-while-mail-is-only-logged"],
    "PUBLIC_URL": ["mentorq.example.org", "ftp://a", "https://", "http://a:port"],
    "RATE_LIMITS": ["maybe", "2"],
    "ALLOW_PRIVATE_ADDRESSES": ["maybe", "2", "10.0.0.0/8"],
    "LOG_FORMAT": ["xml"],
    "LOG_LEVEL": ["LOUD"],
    "EMBEDDED_WORKER": ["sometimes"],
    "MAX_BODY_BYTES": ["1", "-1", "1 MB"],
    "CLAIM_LEASE_MINUTES": ["0"],
    "CONVERSATION_LEASE_HOURS": ["0"],
    "AUTO_CLOSE_DAYS": ["0"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_names_its_variable(name: str, value: str, clean: pytest.MonkeyPatch) -> None:
    clean.setenv(name, value)
    with pytest.raises(WrongSetting) as wrong:
        load_settings()
    text = str(wrong.value)
    assert name in text
    assert "\n" not in text
    if name == "SECRET_KEY":
        assert value not in text


@pytest.mark.parametrize("password", ["hunter2-hunter2", "hunter2%20"])
def test_what_is_wrong_with_mail_quotes_no_password(password: str, clean: pytest.MonkeyPatch) -> None:
    for url in (f"smtp://me:{password}@host:x", f"smtp://me:{password}@host?a=b", f"sendgrid://{password}@host"):
        clean.setenv("MAIL_URL", url)
        with pytest.raises(WrongSetting, match="MAIL_URL") as wrong:
            load_settings()
        assert "hunter2" not in str(wrong.value)
    clean.setenv("MAIL_URL", "sendgrid://hunter2-key@default")
    clean.setenv("MAIL_WEBHOOK_KEY", password)
    with pytest.raises(WrongSetting, match="MAIL_WEBHOOK_KEY") as wrong:
        load_settings()
    assert "hunter2" not in str(wrong.value)


@pytest.mark.parametrize(
    ("url", "tls", "port"),
    [
        ("smtp://mail.example.org", "offered", 587),
        ("smtp://mail.example.org:25?tls=off", "off", 25),
        ("smtp://me:pass@mail.example.org", "required", 587),
        ("smtp://me:pass@mail.example.org?tls=off", "off", 587),
        ("smtp://me:pass@localhost:1025", "offered", 1025),
        ("smtps://me:pa%40ss@mail.example.org", "required", 465),
    ],
)
def test_a_password_is_not_sent_in_the_clear_by_accident(
    url: str, tls: str, port: int, clean: pytest.MonkeyPatch
) -> None:
    clean.setenv("MAIL_URL", url)
    known = provider_of(load_settings().mail_url)
    assert (known.tls, known.port) == (tls, port)
    assert known.secret in ("", "pass", "pa@ss")
    assert "pass" not in repr(known)


@pytest.mark.parametrize(
    ("public_url", "sender"),
    [
        ("https://mentorq.example.org/", "MentorQ <no-reply@mentorq.example.org>"),
        ("http://localhost:8000", "MentorQ <no-reply@localhost>"),
        ("https://münchen.example.org", "MentorQ <no-reply@xn--mnchen-3ya.example.org>"),
        ("http://[::1]:8000", "MentorQ <no-reply@[::1]>"),
    ],
)
def test_mail_is_from_the_host_that_people_reach(public_url: str, sender: str, clean: pytest.MonkeyPatch) -> None:
    clean.setenv("PUBLIC_URL", public_url)
    assert load_settings().mail_from == sender
    clean.setenv("MAIL_FROM", "Ana’s desk <desk@example.org>")
    assert sender_of(load_settings().mail_from) == Sender("Ana’s desk", "desk@example.org")


def test_there_is_no_setting_that_accepts_anything_by_accident() -> None:
    unchecked = {"MENTORQ_DATA_DIR", "TRUSTED_PROXIES", "METRICS_TOKEN", "MAX_ACTIVE_TICKETS"}
    assert {name.upper() for name in Settings.model_fields} - unchecked <= set(WRONG) | {"TRUSTED_PROXIES"}


def test_without_any_variable_everything_is_embedded(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite:///data/mentorq.db"
    assert (settings.algorithm, settings.access_token_expire_minutes, settings.rate_limits) == ("HS256", 30, True)
    assert settings.is_sqlite
    assert (tmp_path / "data" / "secret_key").exists()


def test_a_dot_env_is_read_and_the_environment_wins(clean: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PUBLIC_URL=https://one.example.org/\nAUTO_CLOSE_DAYS=3\nUNKNOWN=1\n")
    clean.setenv("AUTO_CLOSE_DAYS", "4")
    settings = load_settings()
    assert (settings.public_url, settings.auto_close_days, settings.is_https) == ("https://one.example.org", 4, True)


def test_postgresql_needs_a_secret_of_its_own(clean: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean.setenv("DATABASE_URL", "postgresql://a/b")
    with pytest.raises(WrongSetting, match="SECRET_KEY must be set to at least 32 random bytes"):
        load_settings()
    assert not (tmp_path / "data" / "secret_key").exists()
    clean.setenv("SECRET_KEY", GOOD_SECRET)
    assert load_settings().secret_key == GOOD_SECRET


def test_the_embedded_secret_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        first = load_settings().secret_key
    finally:
        os.umask(previous)
    file = tmp_path / "data" / "secret_key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(first) >= 43
    assert load_settings().secret_key == first
    assert [entry.name for entry in file.parent.iterdir()] == ["secret_key"], "no half-made file is left"


@pytest.mark.parametrize("content", ["", "\n", "short", "x" * 64])
def test_a_secret_that_was_damaged_is_not_used(content: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret_key").write_text(content)
    with pytest.raises(WrongSetting, match="SECRET_KEY"):
        load_settings()


def test_eight_processes_that_start_at_once_have_one_secret(tmp_path: Path) -> None:
    script = "from mentorq.settings import load_settings; print(load_settings().secret_key)"
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=tmp_path) for _ in range(8)
    ]
    secrets = {process.communicate()[0].strip() for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert len(secrets) == 1
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_a_data_folder_that_cannot_be_written_is_named(clean: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    clean.setenv("MENTORQ_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(WrongSetting, match="MENTORQ_DATA_DIR"):
        load_settings()


@pytest.mark.parametrize("url", ["postgresql://ana:pass@db:5432/mentorq", "postgres://db/mentorq?sslmode=require"])
def test_postgresql_urls_as_people_write_them(url: str, clean: pytest.MonkeyPatch) -> None:
    clean.setenv("DATABASE_URL", url)
    clean.setenv("SECRET_KEY", GOOD_SECRET)
    assert not load_settings().is_sqlite


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "rediss://:pass@cache/1", "unix:///run/valkey.sock"])
def test_redis_urls_as_people_write_them(url: str, clean: pytest.MonkeyPatch) -> None:
    clean.setenv("REDIS_URL", url)
    assert load_settings().redis_url == url


def test_proxies_are_separated_by_commas(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2,")
    assert load_settings().trusted_proxies == ["10.0.0.1", "10.0.0.2"]
