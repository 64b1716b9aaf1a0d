"""Where files are kept: what `STORAGE_URL` says."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

FOLDER, BUCKET = "file:///", "s3://"
OPTIONS = {"region", "endpoint"}


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path


@dataclass(frozen=True)
class Bucket:
    """A bucket of Amazon S3, or of anything that speaks like it. What is empty, the `AWS_*` variables say."""

    name: str
    prefix: str
    key: str
    secret: str
    region: str
    endpoint: str

    def __repr__(self) -> str:
        return f"Bucket({self.name})"


def usual_url(data_dir: Path) -> str:
    """The folder that is used where nothing is said."""
    return f"file://{data_dir.absolute() / 'files'}"


def place_of(url: str) -> Folder | Bucket:
    """What an address stands for: `file:///folder` or `s3://[KEY:SECRET@]bucket[/prefix][?region=…&endpoint=…]`.

    Raises:
        ValueError: it is no such address; the sentence names the variable, and nothing of what is secret.
    """
    if url.startswith(FOLDER):
        return Folder(Path(unquote(url.removeprefix("file://"))))
    if not url.startswith(BUCKET):
        raise ValueError(f"STORAGE_URL must begin with {FOLDER} or {BUCKET}")
    parts = urlsplit(url)
    given, _, name = parts.netloc.rpartition("@")
    key, _, secret = given.partition(":")
    options = {option: values[-1] for option, values in parse_qs(parts.query).items()}
    if not name:
        raise ValueError("STORAGE_URL must name a bucket, as in s3://bucket")
    if bool(key) != bool(secret):
        raise ValueError("STORAGE_URL must have a key and its secret, as in s3://KEY:SECRET@bucket, or neither")
    if options.keys() - OPTIONS:
        raise ValueError("STORAGE_URL knows no options but region and endpoint")
    if not options.get("endpoint", "https://").startswith(("http://", "https://")):
        raise ValueError("STORAGE_URL must have an endpoint that begins with http:// or https://")
    return Bucket(
        name,
        unquote(parts.path).strip("/"),
        unquote(key),
        unquote(secret),
        options.get("region", ""),
        options.get("endpoint", ""),
    )
