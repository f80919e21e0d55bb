from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.settings import Settings, load

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "socrate.example.toml"


def write(folder: Path, text: str) -> Path:
    path = folder / "socrate.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_example_shows_every_setting_at_its_default():
    shown = tomllib.loads(EXAMPLE.read_text("utf-8"))
    defaults = Settings().model_dump(mode="json")
    # What is not set has no value to show.
    for section in defaults.values():
        for key in [key for key, value in section.items() if value is None]:
            del section[key]
    assert shown == defaults


def test_the_example_is_accepted():
    assert load(EXAMPLE, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[model]\nnmae = 'x'", "model.nmae"),
        ("[modle]\nname = 'x'", "modle"),
        ("colour = 1", "colour"),
        ("[model]\ntimeout = 'soon'", "model.timeout"),
        ("[model]\nattempts = 9", "model.attempts"),
        ("[bot]\nlanguage = 'es'", "bot.language"),
        ("[model]\nname = 7", "model.name"),
    ],
)
def test_a_wrong_key_or_value_is_named_by_its_path(tmp_path, text, path):
    with pytest.raises(ConfigError, match=path):
        load(write(tmp_path, text), {})


def test_a_file_that_is_not_toml_or_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="not TOML"):
        load(write(tmp_path, "= ="), {})
    with pytest.raises(ConfigError, match="missing"):
        load(tmp_path / "missing.toml", {})


def test_the_environment_wins_over_the_file(tmp_path):
    path = write(tmp_path, "[model]\nname = 'ollama:a'\ntimeout = 5")
    found = load(path, {"SOCRATE_MODEL__NAME": "ollama:b", "HOME": "/"})
    assert (found.model.name, found.model.timeout) == ("ollama:b", 5)


def test_lists_in_the_environment_are_separated_by_commas():
    assert load(None, {"SOCRATE_BOT__SCREENS": "empty,traps"}).bot.screens == ("empty", "traps")


@pytest.mark.parametrize("name", ["SOCRATE_MODL__NAME", "SOCRATE_MODEL__NMAE", "SOCRATE_DEBUG"])
def test_an_unknown_variable_is_an_error_that_names_it(name):
    with pytest.raises(ConfigError) as error:
        load(None, {name: "x"})
    assert any(part in str(error.value) for part in (name, "modl:", "model.nmae"))


def test_variables_that_operators_know_set_what_they_name(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("abc\n")
    given = {
        "MATRIX_HOMESERVER": "https://matrix.example.org",
        "MATRIX_ACCESS_TOKEN_FILE": str(secret),
        "SOCRATE_MATRIX__PASSWORD_FILE": str(secret),
        "MATRIX_SOMETHING_ELSE": "1",
    }
    found = load(write(tmp_path, "[matrix]\nhomeserver = 'https://other'"), given).matrix
    assert found.homeserver == "https://matrix.example.org"
    assert found.token.get_secret_value() == found.password.get_secret_value() == "abc"
    assert "abc" not in repr(found) and "abc" not in found.model_dump_json()


def test_a_secrets_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"MATRIX_PASSWORD_FILE.*missing"):
        load(write(tmp_path, ""), {"MATRIX_PASSWORD_FILE": str(tmp_path / "missing")})
