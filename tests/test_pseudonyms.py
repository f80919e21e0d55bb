from __future__ import annotations

import stat

import pytest

from bot.errors import ConfigError
from bot.pseudonyms import LENGTH, Pseudonyms
from storage.files import secret

NAMES = Pseudonyms(b"k" * 32)


def test_a_person_bears_one_name_in_a_debate_and_another_in_the_next():
    assert NAMES("!a", "@ana:x") == NAMES("!a", "@ana:x")
    assert NAMES("!a", "@ana:x") != NAMES("!b", "@ana:x")
    assert NAMES("!a", "@ana:x") != NAMES("!a", "@ben:x")
    assert NAMES("!a\n", "b") != NAMES("!a", "\nb")


def test_a_name_tells_nothing_without_the_secret():
    assert NAMES("!a", "@ana:x") != Pseudonyms(b"l" * 32)("!a", "@ana:x")
    assert len(NAMES("!a", "@ana:x")) == LENGTH
    assert "k" * 32 not in repr(NAMES)


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "secret"

    assert secret(path) == secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_secret_is_an_error_and_is_not_replaced(tmp_path):
    path = tmp_path / "secret"
    path.write_text("not hexadecimal")

    with pytest.raises(ConfigError, match="restore a backup"):
        secret(path)
    assert path.read_text() == "not hexadecimal"
