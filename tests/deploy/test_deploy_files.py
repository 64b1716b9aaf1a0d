"""The files under deploy/ are what their platforms expect, and agree with each other and with MentorQ's settings."""

import ipaddress
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from jsonschema import Draft7Validator, Draft202012Validator

from mentorq.settings import Settings
from tests.deploy.compose_as_processes import DEPLOY, MissingVariable, compose_document, compose_processes, resolved

ROOT = DEPLOY.parent
SCHEMAS = Path(__file__).with_name("schemas")
VARIABLES = {
    "SECRET_KEY": "k" * 48,
    "POSTGRES_PASSWORD": "p" * 32,
    "PUBLIC_URL": "https://mentorq.example.org",
}
UPGRADE = ["mentorq", "db", "upgrade"]


def render() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "render.yaml").read_text())
    return document


def railway() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DEPLOY / "railway.json").read_text())
    return document


def fly() -> dict[str, Any]:
    return tomllib.loads((DEPLOY / "fly.toml").read_text())


def compose() -> dict[str, Any]:
    return compose_document(VARIABLES)


def our_services() -> dict[str, Any]:
    return {name: service for name, service in compose()["services"].items() if "build" in service}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's lines as (INSTRUCTION, value)."""
    parser = DockerfileParser(path=str(DEPLOY / "Dockerfile"), parent_env={}, cache_content=True)
    return [(line["instruction"], line["value"]) for line in parser.structure if line["instruction"] != "COMMENT"]


def last_stage() -> list[tuple[str, str]]:
    lines = instructions()
    start = max(index for index, (instruction, _) in enumerate(lines) if instruction == "FROM")
    return lines[start:]


def value_of(wanted: str) -> str:
    """The value of the last stage's only `wanted` instruction."""
    (value,) = [value for instruction, value in last_stage() if instruction == wanted]
    return value


class TestDockerfile:
    def test_runs_as_nobody_in_particular(self) -> None:
        assert value_of("USER") == "10001:10001"
        assert last_stage().index(("USER", "10001:10001")) < [name for name, _ in last_stage()].index("CMD")

    def test_takes_nothing_from_an_address(self) -> None:
        assert "ADD" not in [instruction for instruction, _ in instructions()]
        assert not [value for instruction, value in instructions() if instruction != "HEALTHCHECK" and "://" in value]

    def test_installs_what_the_lock_says_and_nothing_more(self) -> None:
        installs = [value for instruction, value in instructions() if instruction == "RUN" and "pip install" in value]
        assert "--require-hashes -r requirements.lock" in installs[0]
        assert all("--require-hashes" in value or "--no-deps" in value for value in installs)

    def test_the_last_stage_has_no_compiler_and_no_sources(self) -> None:
        assert [value for instruction, value in last_stage() if instruction == "COPY"] == [
            "--from=build /opt/mentorq /opt/mentorq"
        ]

    def test_serves_where_the_health_check_looks(self) -> None:
        assert json.loads(value_of("CMD")) == ["mentorq", "serve", "--host", "0.0.0.0", "--port", "8000"]
        assert "http://127.0.0.1:8000/healthz" in value_of("HEALTHCHECK")
        assert value_of("EXPOSE") == "8000"

    def test_keeps_its_data_where_volumes_are_mounted(self) -> None:
        assert "MENTORQ_DATA_DIR=/data" in value_of("ENV")

    def test_copies_only_what_dockerignore_lets_through(self) -> None:
        allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        copied = [value for instruction, value in instructions() if instruction == "COPY" and "--from" not in value]
        assert {source.removeprefix("./") for value in copied for source in value.split()[:-1]} == allowed

    @pytest.mark.parametrize("source", ["mentorq", "pyproject.toml", "README.md", "LICENSE", "requirements.lock"])
    def test_what_it_copies_exists(self, source: str) -> None:
        assert (ROOT / source).exists()


class TestCompose:
    def test_follows_the_specification(self) -> None:
        schema = json.loads(
            files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text(encoding="utf-8")
        )
        assert list(Draft7Validator(schema).iter_errors(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))) == []
        assert list(Draft7Validator(schema).iter_errors(compose())) == []

    @pytest.mark.parametrize("missing", VARIABLES)
    def test_does_not_start_without_its_secrets(self, missing: str) -> None:
        with pytest.raises(MissingVariable, match=missing):
            compose_document({name: value for name, value in VARIABLES.items() if name != missing})
        with pytest.raises(MissingVariable, match=missing):
            compose_document({**VARIABLES, missing: ""})

    def test_upgrades_the_database_before_anything_else_runs(self) -> None:
        services = our_services()
        assert services["migrate"]["command"] == UPGRADE
        assert services["migrate"]["restart"] == "no"
        for name in services.keys() - {"migrate"}:
            assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}

    def test_waits_until_what_is_needed_is_healthy(self) -> None:
        services = compose()["services"]
        for name, service in services.items():
            for needed, how in service.get("depends_on", {}).items():
                if needed == "migrate":
                    continue
                assert how == {"condition": "service_healthy"}, name
                assert "healthcheck" in services[needed] or needed == "api", needed

    def test_only_the_proxy_can_be_reached_from_outside(self) -> None:
        assert [name for name, service in compose()["services"].items() if "ports" in service] == ["proxy"]

    def test_believes_the_proxy_and_nobody_else(self) -> None:
        document = compose()
        address = document["services"]["proxy"]["networks"]["inside"]["ipv4_address"]
        (network,) = document["networks"]["inside"]["ipam"]["config"]
        assert {service["environment"]["TRUSTED_PROXIES"] for service in our_services().values()} == {address}
        assert ipaddress.ip_address(address) in ipaddress.ip_network(network["subnet"])
        assert ipaddress.ip_address(address) not in ipaddress.ip_network(network["ip_range"])

    def test_runs_our_containers_without_privileges_and_read_only(self) -> None:
        for service in our_services().values():
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]

    def test_everything_but_the_migration_comes_back(self) -> None:
        restarts = {name: service["restart"] for name, service in compose()["services"].items()}
        assert {name for name, policy in restarts.items() if policy != "unless-stopped"} == {"migrate"}

    def test_every_volume_has_a_name(self) -> None:
        document = compose()
        mounted = {volume.split(":")[0] for each in document["services"].values() for volume in each.get("volumes", [])}
        assert {name for name in mounted if not name.startswith("./")} == set(document["volumes"])

    def test_two_api_processes_and_one_worker(self) -> None:
        processes = [(each.service, each.number) for each in compose_processes(VARIABLES, {})]
        assert processes[0] == ("migrate", 0)
        assert sorted(processes[1:]) == [("api", 0), ("api", 1), ("worker", 0)]


class TestInterpolation:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("${SET}", "x"),
            ("a${SET}b", "axb"),
            ("${UNSET}", ""),
            ("${UNSET-default}", "default"),
            ("${EMPTY-default}", ""),
            ("${EMPTY:-default}", "default"),
            ("${UNSET:-:80}", ":80"),
            ("${EMPTY?needed}", ""),
            ("$${SET}", "${SET}"),
        ],
    )
    def test_is_that_of_compose(self, text: str, value: str) -> None:
        assert resolved({"key": [text]}, {"SET": "x", "EMPTY": ""}) == {"key": [value]}

    def test_another_address_replaces_the_service(self) -> None:
        processes = compose_processes(VARIABLES, {"postgres": "postgresql://elsewhere/db", "valkey": "redis://there"})
        for process in processes:
            assert process.environment["DATABASE_URL"] == "postgresql://elsewhere/db"
            assert process.environment["REDIS_URL"] == "redis://there"
            assert process.environment["PUBLIC_URL"] == VARIABLES["PUBLIC_URL"]


class TestPlatforms:
    @pytest.mark.parametrize(("schema", "read"), [("render", render), ("railway", railway), ("fly", fly)])
    def test_uses_only_documented_fields(self, schema: str, read: Callable[[], dict[str, Any]]) -> None:
        rules = json.loads((SCHEMAS / f"{schema}.json").read_text())
        Draft202012Validator.check_schema(rules)
        assert [error.message for error in Draft202012Validator(rules).iter_errors(read())] == []

    def test_each_upgrades_the_database_first(self) -> None:
        web = next(service for service in render()["services"] if service["type"] == "web")
        assert web["preDeployCommand"].split() == UPGRADE
        assert railway()["deploy"]["preDeployCommand"] == [" ".join(UPGRADE)]
        assert fly()["deploy"]["release_command"].split() == UPGRADE

    def test_each_asks_whether_it_is_ready(self) -> None:
        web = next(service for service in render()["services"] if service["type"] == "web")
        assert web["healthCheckPath"] == "/readyz"
        assert railway()["deploy"]["healthcheckPath"] == "/readyz"
        assert [check["path"] for check in fly()["http_service"]["checks"]] == ["/readyz"]

    def test_each_finds_the_dockerfile(self) -> None:
        containers = [service for service in render()["services"] if service["type"] != "keyvalue"]
        named = [service["dockerfilePath"] for service in containers] + [railway()["build"]["dockerfilePath"]]
        assert {(ROOT / path).resolve() for path in named} == {(DEPLOY / "Dockerfile").resolve()}
        assert (DEPLOY / fly()["build"]["dockerfile"]).exists()

    def test_the_parts_that_render_wires_together_exist(self) -> None:
        document = render()
        names = {
            "fromDatabase": {database["name"] for database in document["databases"]},
            "fromService": {service["name"] for service in document["services"]},
        }
        for variable in render_variables(document):
            for source in names.keys() & variable.keys():
                assert variable[source]["name"] in names[source]
            if "fromGroup" in variable:
                assert variable["fromGroup"] in {group["name"] for group in document["envVarGroups"]}

    def test_several_processes_have_what_connects_them(self) -> None:
        web = next(service for service in render()["services"] if service["type"] == "web")
        assert web["numInstances"] > 1
        assert "REDIS_URL" in {variable.get("key") for variable in web["envVars"]}

    def test_flys_processes_exist(self) -> None:
        document = fly()
        assert set(document["http_service"]["processes"]) <= set(document["processes"])
        assert all(command.split()[0] == "mentorq" for command in document["processes"].values())


def render_variables(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every variable of every service of a Blueprint."""
    for service in document["services"]:
        yield from service.get("envVars", [])


def test_every_variable_is_a_setting() -> None:
    """A misspelt name would be ignored in silence."""
    known = {name.upper() for name in Settings.model_fields}
    used = {name for service in our_services().values() for name in service["environment"]}
    used |= {variable["key"] for variable in render_variables(render()) if "key" in variable} - {"PORT"}
    used |= {variable["key"] for group in render()["envVarGroups"] for variable in group["envVars"]}
    used |= set(fly()["env"])
    assert used - known == set()


@pytest.mark.parametrize("file", sorted(path.name for path in DEPLOY.iterdir() if path.is_file()))
def test_no_secret_is_written_down(file: str) -> None:
    assert re.findall(r"(?:SECRET_KEY|PASSWORD)\"?\s*[=:]\s*[\"']?[\w+/-]{8,}", (DEPLOY / file).read_text()) == []
