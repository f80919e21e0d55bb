"""What comes with the project to run it in containers. No engine runs here: shape is checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

from bot.settings import KNOWN, PREFIX, load

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_the_services_and_what_is_optional():
    services = COMPOSE["services"]
    assert set(services) == {"synapse", "bot", "ollama", "postgres"}
    optional = {name for name, service in services.items() if service.get("profiles")}
    assert optional == {"ollama", "postgres"}
    assert set(COMPOSE) == {"name", "services", "secrets", "volumes"}


def test_each_service_tells_its_health_and_has_a_fixed_version():
    for name, service in COMPOSE["services"].items():
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert service.get("build") == "." or re.search(r":v?\d+[\d.]*", service["image"]), name
        assert service["restart"] == "unless-stopped"


def test_everything_that_is_named_is_declared():
    for service in COMPOSE["services"].values():
        mounted = {volume.partition(":")[0] for volume in service["volumes"]}
        assert mounted <= set(COMPOSE["volumes"])
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        for needed, how in service.get("depends_on", {}).items():
            assert needed in COMPOSE["services"] and how == {"condition": "service_healthy"}


def test_the_bots_variables_are_settings_and_hold_no_secret(tmp_path):
    told = COMPOSE["services"]["bot"]["environment"]
    secret = tmp_path / "matrix-password"
    secret.write_text("hush\n")
    given = {name: _default(value) for name, value in told.items()}
    given["MATRIX_PASSWORD_FILE"] = str(secret)
    for name in set(given) - {"OLLAMA_HOST"}:
        assert name.startswith(PREFIX) or name.removesuffix("_FILE") in KNOWN
    found = load(None, {k: v for k, v in given.items() if v})
    assert found.matrix.homeserver == "http://synapse:8008"
    assert found.matrix.password.get_secret_value() == "hush"
    assert "hush" not in str(found)


def _default(value: str) -> str:
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_empty_variables_leave_lists_empty():
    given = {"SOCRATE_MATRIX__INVITERS": "", "SOCRATE_MATRIX__ROOMS": "!a:x,!b:x"}
    found = load(None, given).matrix
    assert found.inviters == () and found.rooms == ("!a:x", "!b:x")


def test_the_homeserver_is_the_one_that_tests_run_against():
    pinned = (ROOT / "tests/synapse/requirements.txt").read_text("utf-8")
    version = re.search(r"^matrix-synapse==(.+)$", pinned, re.MULTILINE).group(1)
    assert COMPOSE["services"]["synapse"]["image"].endswith(f":v{version}")


def test_nothing_is_published_beyond_this_machine():
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_image_has_every_package_and_does_not_run_as_root():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for package in packages["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {package} {package}" in DOCKERFILE
    assert DOCKERFILE.index("USER socrate") < DOCKERFILE.index('CMD ["socrate", "run"]')
    version = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text()).group(1)
    assert f"uv=={version}" in DOCKERFILE
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    ignored = (ROOT / ".dockerignore").read_text("utf-8")
    assert all(f"!{name}\n" in ignored for line in copied for name in line.split())
