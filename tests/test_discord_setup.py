"""Setting Discord up: settings, what `socrate check` says, and what a newcomer gets wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.discord import Options, check, invite
from adapters.discord.checking import PERMISSIONS
from bot import wiring
from bot.errors import ConfigError
from bot.settings import load
from storage.memory import MemoryRecord
from tests.conftest import service
from tests.discord_server import MODERATORS, TOKEN, DiscordServer

ROOT = Path(__file__).parents[1]


def test_the_invitation_asks_for_the_least_and_for_no_administrator():
    address = invite(42)
    assert address.startswith("https://discord.com/oauth2/authorize?client_id=42")
    assert f"permissions={PERMISSIONS.value}" in address and "applications.commands" in address
    for power in ("administrator", "manage_messages", "mention_everyone", "manage_threads"):
        assert not getattr(PERMISSIONS, power), power


def test_no_privileged_intent_is_asked_for_unless_it_is_chosen(tmp_path):
    record = MemoryRecord()
    commands = service(record=record).commands
    for chosen in (False, True):
        environment = {
            "SOCRATE_DISCORD__MESSAGE_CONTENT": str(chosen),
            "SOCRATE_RECORD__PATH": str(tmp_path / "record.db"),
        }
        settings = load(None, environment)
        intents = wiring.discord(settings, record, commands).client.intents
        assert intents.message_content is chosen
        assert not (intents.members or intents.presences)


def test_without_a_token_there_is_no_discord_and_its_library_is_not_loaded():
    assert wiring.platforms(load(None, {}), MemoryRecord(), service().commands) == []
    code = "import bot.cli, bot.wiring, sys; sys.exit('discord' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_token_comes_from_the_variable_operators_know_or_from_a_file(tmp_path):
    held = tmp_path / "token"
    held.write_text(f"{TOKEN}\n", "utf-8")
    for environment in ({"DISCORD_BOT_TOKEN": TOKEN}, {"DISCORD_BOT_TOKEN_FILE": str(held)}):
        settings = load(None, environment)
        assert settings.discord.token.get_secret_value() == TOKEN
        assert TOKEN not in repr(settings)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(None, {"DISCORD_BOT_TOKEN_FILE": str(tmp_path / "missing")})


async def test_check_says_where_to_add_the_bot():
    async with DiscordServer() as server:
        options = {"message_content": False, "moderators": str(MODERATORS), "api": server.api}
        said = await check(TOKEN, **options)
        assert "oauth2/authorize" in said and server.identified == []


@pytest.mark.parametrize(
    ("token", "options", "said"),
    [
        ("wrong", {}, "make a new one"),
        (TOKEN, {"message_content": True}, "intent is off"),
        (TOKEN, {"moderators": "777"}, "no channel 777"),
    ],
)
async def test_check_says_what_to_do(token, options, said):
    async with DiscordServer() as server:
        with pytest.raises(ConfigError, match=said):
            await check(token, **{"message_content": False, "api": server.api, **options})


async def test_the_command_line_serves_a_test_server_and_checks_it(tmp_path):
    async with DiscordServer() as server:
        environment = {
            **os.environ,
            "DISCORD_BOT_TOKEN": TOKEN,
            "SOCRATE_DISCORD__API": server.api,
            "SOCRATE_DISCORD__GATEWAY": server.gateway,
        }
        command = (sys.executable, "-m", "bot")
        checked = await asyncio.create_subprocess_exec(
            *command, "check", cwd=tmp_path, env=environment, stdout=-1, stderr=-2
        )
        out, _ = await checked.communicate()
        assert b"ok   discord" in out and TOKEN.encode() not in out
        serving = await asyncio.create_subprocess_exec(
            *command, "run", cwd=tmp_path, env=environment, stdout=-1, stderr=-2
        )
        await server.until(lambda: server.identified)
        thread = server.says("Bonjour")
        await server.until(lambda: server.visible(thread))
        serving.terminate()
        out, _ = await serving.communicate()
        assert serving.returncode == 0 and b"Bonjour" not in out and TOKEN.encode() not in out


def test_library_and_settings_agree_on_where_discord_is():
    chosen, usual = load(None, {}).discord, Options()
    assert (chosen.api, chosen.gateway) == (usual.api, usual.gateway)
