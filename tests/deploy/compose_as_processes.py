"""Read deploy/compose.yaml as Compose would, so that a test can run our services as plain processes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
OUR_PROGRAM = "mentorq"
REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<operator>:?[-?])(?P<operand>[^}]*))?\})")


class MissingVariable(Exception):
    """A variable that compose.yaml demands is not set; the text is what Compose would say."""


@dataclass(frozen=True)
class ComposeProcess:
    """One container of one of our services, as a process."""

    service: str
    number: int
    """Which of the service's replicas it is, from 0."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    stop_seconds: float
    """How long Compose waits between SIGTERM and SIGKILL."""

    def with_option(self, name: str, value: object) -> "ComposeProcess":
        """The same, with another value after `name` in its command, such as a port that is free here."""
        at = self.command.index(name) + 1
        return replace(self, command=(*self.command[:at], str(value), *self.command[at + 1 :]))

    def start(self, directory: Path) -> subprocess.Popen[bytes]:
        """Run it, with `directory` for what the container would keep in its volumes, and nothing of our environment."""
        program = Path(sys.executable).with_name(self.command[0])
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        own = {**self.environment, "MENTORQ_DATA_DIR": str(directory)}
        return subprocess.Popen([program, *self.command[1:]], cwd=directory, env={**inherited, **own})


def compose_document(variables: Mapping[str, str], file: Path = DEPLOY / "compose.yaml") -> dict[str, Any]:
    """The file with all its references to variables resolved.

    Raises:
        MissingVariable: `variables` lacks one that the file demands.
    """
    document = resolved(yaml.safe_load(file.read_text()), variables)
    assert isinstance(document, dict)
    return document


def resolved(node: object, variables: Mapping[str, str]) -> object:
    """`node` with the references in all its texts resolved, as Compose does after it has parsed the file."""
    if isinstance(node, str):
        return REFERENCE.sub(lambda match: _value(match, variables), node)
    if isinstance(node, list):
        return [resolved(item, variables) for item in node]
    if isinstance(node, dict):
        return {key: resolved(value, variables) for key, value in node.items()}
    return node


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    operator = match["operator"] or ""
    value = variables.get(match["name"])
    if value or (value is not None and not operator.startswith(":")):
        return value
    if operator.endswith("?"):
        raise MissingVariable(f"{match['name']}: {match['operand']}")
    return match["operand"] or ""


def compose_processes(variables: Mapping[str, str], addresses: Mapping[str, str]) -> Iterator[ComposeProcess]:
    """Each container of our program, in an order that respects `depends_on`.

    `addresses` says what stands in for the other services: the name of the host in a URL → the URL to use instead.

    Raises:
        MissingVariable: `variables` lacks one that the file demands.
    """
    services = compose_document(variables)["services"]
    ours = {name: service for name, service in services.items() if service.get("command", [""])[0] == OUR_PROGRAM}
    for name in in_order({name: set(service.get("depends_on", ())) & set(ours) for name, service in ours.items()}):
        service = ours[name]
        environment = {key: _redirected(str(value), addresses) for key, value in service["environment"].items()}
        stop_seconds = float(service["stop_grace_period"].removesuffix("s"))
        for number in range(int(service.get("deploy", {}).get("replicas", 1))):
            yield ComposeProcess(name, number, tuple(service["command"]), environment, stop_seconds)


def in_order(dependencies: Mapping[str, set[str]]) -> list[str]:
    """The names, each after those it depends on.

    Raises:
        ValueError: they depend on each other in a circle.
    """
    order: list[str] = []
    while len(order) < len(dependencies):
        ready = [name for name, needs in dependencies.items() if name not in order and needs <= set(order)]
        if not ready:
            raise ValueError(f"a circle in depends_on: {sorted(set(dependencies) - set(order))}")
        order += ready
    return order


def _redirected(value: str, addresses: Mapping[str, str]) -> str:
    host = urlsplit(value).hostname if "://" in value else None
    return addresses.get(host, value) if host else value
