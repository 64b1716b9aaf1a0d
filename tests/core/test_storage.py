"""The object store: a folder, or a bucket."""

from pathlib import Path

import pytest

from mentorq.core import storage
from mentorq.core.storage import StorageFails
from mentorq.settings import Settings
from mentorq.storage_settings import Bucket, Folder, place_of
from tests.support.databases import settings_for
from tests.support.object_store import BUCKET, KEY, SECRET, ObjectStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation that keeps files in its data folder."""
    return settings_for(f"sqlite:///{tmp_path / 'mentorq.db'}", tmp_path)


async def put_get_and_remove(settings: Settings) -> None:
    """What every store does."""
    assert await storage.get(settings, "people/1/a.webp") is None
    await storage.remove(settings, "people/1/a.webp")
    await storage.put(settings, "people/1/a.webp", b"one", "image/webp")
    await storage.put(settings, "people/1/b.webp", b"", "image/webp")
    assert await storage.get(settings, "people/1/a.webp") == b"one"
    assert await storage.get(settings, "people/1/b.webp") == b""
    await storage.remove(settings, "people/1/a.webp")
    assert await storage.get(settings, "people/1/a.webp") is None


async def test_a_folder_keeps_files_and_leaves_no_empty_folders(settings: Settings, tmp_path: Path) -> None:
    await put_get_and_remove(settings)
    await storage.remove(settings, "people/1/b.webp")
    assert list((tmp_path / "files").iterdir()) == []


async def test_no_key_leads_out_of_the_folder(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("secret")
    for key in ("../secret_key", "people/../../secret_key"):
        with pytest.raises(ValueError, match="illegal"):
            await storage.get(settings, key)
    assert await storage.get(settings, "%2e%2e/secret_key") is None


async def test_a_bucket_keeps_files_of_who_has_its_key(settings: Settings) -> None:
    async with ObjectStore() as bucket:
        ours = settings.model_copy(update={"storage_url": bucket.address})
        await put_get_and_remove(ours)
        assert bucket.files == {"people/people/1/b.webp": (b"", "image/webp")}
        others = settings.model_copy(update={"storage_url": bucket.address.replace(KEY, "OTHER")})
        with pytest.raises(StorageFails):
            await storage.put(others, "people/1/c.webp", b"x", "image/webp")
        assert len(bucket.refused) == 1
        assert len(bucket.files) == 1


async def test_what_fails_says_so_and_tells_no_secret(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    async with ObjectStore() as bucket:
        bucket.fails = True
        gone = bucket.address.replace(bucket.url, "http://127.0.0.1:9")
        for url in (settings.storage_url, bucket.address, gone):
            ours = settings.model_copy(update={"storage_url": url})
            for act in (
                storage.put(ours, "a", b"x", "image/webp"),
                storage.get(ours, "a"),
                storage.remove(ours, "a"),
            ):
                with pytest.raises(StorageFails) as failed:
                    await act
                assert failed.value.__cause__ is None
                assert SECRET not in str(failed.value)
                assert KEY not in str(failed.value)


def test_addresses_say_where_files_are_kept() -> None:
    assert place_of("file:///var/lib/mentorq/my%20files") == Folder(Path("/var/lib/mentorq/my files"))
    whole = place_of("s3://KEY:a%2Fb@bucket/a/prefix?region=eu-west-1&endpoint=https://s3.example.org")
    assert whole == Bucket("bucket", "a/prefix", "KEY", "a/b", "eu-west-1", "https://s3.example.org")
    assert place_of("s3://bucket") == Bucket("bucket", "", "", "", "", "")
    assert repr(whole) == "Bucket(bucket)"
    assert ObjectStore().files == {}
    assert BUCKET not in repr(place_of("s3://other"))


@pytest.mark.parametrize(
    "url",
    [
        "files",
        "file://files",
        "ftp://hunter2@bucket",
        "s3://",
        "s3://hunter2@bucket",
        "s3://:hunter2@bucket",
        "s3://KEY:hunter2@bucket?colour=red",
        "s3://KEY:hunter2@bucket?endpoint=minio:9000",
    ],
)
def test_a_wrong_address_stops_the_start_and_tells_no_secret(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="STORAGE_URL") as wrong:
        place_of(url)
    assert "hunter2" not in str(wrong.value)
    with pytest.raises(ValueError, match="STORAGE_URL"):
        settings_for(f"sqlite:///{tmp_path / 'mentorq.db'}", tmp_path, storage_url=url)
