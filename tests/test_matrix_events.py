"""What Matrix events mean, without a server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.matrix import content, events, rooms
from adapters.matrix.events import Scene, Target, parse
from bot.domain import Action, Kind, Reply, Room

ME, ANA = "@socrate:cafe.test", "@ana:cafe.test"
SCENE = Scene(
    platform="matrix",
    room="!room",
    me=ME,
    name="Café Socrate",
    prefix="!socrate",
    pseudonym=lambda debate, user: f"P-{user[1:4]}",
)
MINE = Target(id="$mine", sender=ME, root="$root", actions={"❓": "why"})


def event(body: str = "bonjour", kind: str = "m.room.message", **said: Any) -> dict[str, Any]:
    told = {"msgtype": "m.text", "body": body, **said}
    return {
        "event_id": "$1",
        "type": kind,
        "sender": ANA,
        "origin_server_ts": 1_700_000_000_000,
        "content": told,
    }


def relation(kind: str, to: str, **more: Any) -> dict[str, Any]:
    return {"m.relates_to": {"rel_type": kind, "event_id": to, **more}}


@pytest.mark.parametrize("name", ["!socrate", "!Socrate:", "@socrate:cafe.test", "Café Socrate:"])
def test_the_bots_name_is_no_part_of_the_idea(name):
    said = event(f"{name} plus de bancs", **{"m.mentions": {"user_ids": [ME]}})
    assert parse(said, SCENE).text == "plus de bancs"


def test_what_is_said_to_nobody_or_to_others_is_not_for_the_bot():
    assert parse(event("plus de bancs"), SCENE) is None
    assert parse(event("!socrates"), SCENE) is None
    assert parse(event("x", **{"m.mentions": {"user_ids": [ANA]}}), SCENE) is None
    assert parse(event("Café Socrate est fermé"), SCENE) is None


def test_what_people_say_to_each_other_in_its_threads_is_not_for_the_bot():
    said = event("je suis d'accord avec toi", **relation("m.thread", "$root"))
    another = Target(id="$ben", sender="@ben:cafe.test", root="$root", actions={})
    assert parse(said, SCENE, about=another, ours=True) is None
    assert parse(said, SCENE, ours=True).called is False
    assert parse(event("!socrate et ceci ?"), SCENE, about=another, ours=True).called is True


def test_a_message_opens_a_thread_of_its_own_and_a_direct_room_is_one_conversation():
    assert parse(event("!socrate a"), SCENE).room == Room("matrix", "!room $1", "!room")
    assert parse(event("a"), replace(SCENE, direct=True)).room == Room("matrix", "!room")


def test_what_is_said_in_its_threads_needs_no_name():
    said = event(**relation("m.thread", "$root"))
    found = parse(said, SCENE, ours=True)
    assert found.room == Room("matrix", "!room $root", "!room") and not found.called
    assert parse({**said, "content": event("!socrate x")["content"]}, SCENE).called
    assert parse(said, SCENE) is None


def test_a_reply_outside_the_thread_goes_on_in_the_thread():
    said = event("> <@socrate:cafe.test> Pourquoi ?\n> encore\n\nparce que")
    said["content"]["m.relates_to"] = {"m.in_reply_to": {"event_id": "$mine"}}
    found = parse(said, SCENE, about=MINE)
    assert (found.room.id, found.text, found.about) == ("!room $root", "parce que", "$mine")
    others = replace(MINE, sender="@bob:cafe.test")
    assert parse(said, SCENE, about=others) is None


@pytest.mark.parametrize("symbol", ["❓", "❓\ufe0f"])
def test_a_reaction_stands_for_the_command_that_was_offered(symbol):
    said = event(kind="m.reaction", **relation("m.annotation", "$mine", key=symbol))
    found = parse(said, SCENE, about=MINE)
    assert (found.command, found.about, found.text) == ("why", "$mine", "")
    assert found.room.id == "!room $root"


@pytest.mark.parametrize("key", ["👍", "", 3, None])
def test_a_reaction_that_stands_for_nothing_is_nothing(key):
    said = event(kind="m.reaction", **relation("m.annotation", "$mine", key=key))
    assert parse(said, SCENE, about=MINE) is None
    assert parse(said, SCENE, about=replace(MINE, sender=ANA, actions={str(key): "why"})) is None


def test_notices_and_what_is_no_text_carry_no_words():
    assert parse(event("!socrate", msgtype="m.notice"), SCENE) is None
    picture = event("vote-for-us.png", msgtype="m.image", filename="vote-for-us.png")
    direct = replace(SCENE, direct=True)
    assert parse(picture, direct).text == ""
    captioned = event("mon banc", msgtype="m.image", filename="vote-for-us.png")
    assert parse(captioned, direct).text == "mon banc"
    assert parse({**event("!socrate"), "sender": ME}, SCENE) is None


def test_an_edit_names_what_it_replaces_and_only_its_author_edits():
    said = event("* b", **relation("m.replace", "$0"))
    said["content"]["m.new_content"] = {"msgtype": "m.text", "body": "!socrate b"}
    mine = Target(id="$0", sender=ANA, root="$root")
    found = parse(said, SCENE, about=mine)
    assert (found.edits, found.text, found.room.id) == ("$0", "b", "!room $root")
    assert parse(said, SCENE, about=replace(mine, sender="@bob:cafe.test")) is None


def test_a_deletion_is_in_the_name_of_the_person_who_wrote():
    said = {**event(kind="m.room.redaction"), "redacts": "$0", "sender": "@mod:cafe.test"}
    found = parse(said, SCENE, about=Target(id="$0", sender=ANA, root="$root"))
    assert (found.edits, found.text, found.sender) == ("$0", "", "P-ana")


def test_moderators_are_heard_where_they_answer_for_the_debate():
    scene = replace(SCENE, moderators=True)
    pressed = event(kind="m.reaction", **relation("m.annotation", "$mine", key="❓"))
    found = parse(pressed, scene, about=MINE)
    assert found.moderator and found.room == Room("matrix", "!room")
    assert parse(event("entre nous"), scene) is None


_KEYS = st.sampled_from(
    ["body", "msgtype", "m.relates_to", "rel_type", "event_id", "key", "m.mentions", "user_ids",
     "m.new_content", "redacts", "filename", "m.in_reply_to", "org.cafe-socrate", "actions"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_TYPES = st.sampled_from(["m.room.message", "m.reaction", "m.room.redaction", "m.room.encrypted"])


@given(st.dictionaries(_KEYS, JSON), _TYPES, JSON, st.booleans())
def test_no_event_however_malformed_stops_the_bot(said, kind, moment, ours):
    made = {"event_id": "$1", "type": kind, "sender": ANA, "content": said}
    made["origin_server_ts"] = moment
    about = events.target({**made, "sender": ME})
    events.refers(made)
    events.home(made, SCENE, about)
    parse(made, SCENE, about=about, ours=ours)
    parse(made, replace(SCENE, direct=True))


def test_a_server_with_a_broken_clock_is_understood():
    for moment in (10**30, -(10**30), "soon", None, float("nan")):
        assert parse({**event("!socrate a"), "origin_server_ts": moment}, SCENE).text == "a"


def reply(text: str, *actions: Action, room: str = "!room $root") -> Reply:
    where = Room("matrix", room, "!room")
    return Reply(room=where, to="$1", text=text, kind=Kind.QUESTION, language="fr", actions=actions)


HOSTILE = (
    "@everyone @here @room <@12> <@&34> https://matrix.to/#/@bob:cafe.test www.evil.example "
    "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)> "
    "\u202eevil\u202c =HYPERLINK(1) @bob:cafe.test"
)


def test_nothing_the_bot_says_pings_or_renders():
    made = content.message(reply(HOSTILE, Action("why", "<b>@room</b>", "❓")))
    assert made["m.mentions"] == {}
    for text in (made["body"], made["formatted_body"]):
        assert "@room" not in text and "@bob" not in text and "@everyone" not in text
        assert "https://" not in text and "matrix.to" not in text and "www." not in text
        assert "\u202e" not in text
    html = made["formatted_body"].replace("<br>", "").replace("<sub>", "").replace("</sub>", "")
    assert "<" not in html and ">" not in html


def test_its_words_are_shown_as_they_are():
    text = "Vous parlez de « bancs » : qu'est-ce que c'est ?"
    assert content.message(reply(text))["body"] == text


def test_each_reply_says_that_a_machine_wrote_it_and_stands_in_its_thread():
    made = content.message(reply("Pourquoi ?", Action("why", "pourquoi", "❓")), answers="$1")
    assert made["msgtype"] == "m.notice"
    mark = made[events.MARK]
    assert mark["ai"] is True and mark["actions"] == {"❓": "why"} and mark["kind"] == "question"
    thread = made["m.relates_to"]
    assert thread["rel_type"] == "m.thread" and thread["event_id"] == "$root"
    assert thread["is_falling_back"] and thread["m.in_reply_to"] == {"event_id": "$1"}
    assert "m.relates_to" not in content.message(reply("a", room="!room"))


def created(version: str, **more: Any) -> dict[str, Any]:
    told = {"room_version": version, **more}
    return {"type": "m.room.create", "state_key": "", "sender": ANA, "content": told}


def test_creators_lead_rooms_of_version_12_and_only_those():
    old, new = rooms.Place("!old"), rooms.Place("!new")
    old.learn(created("11", additional_creators=["@bob:x"]))
    new.learn(created("12", additional_creators=["@bob:x", 3]))
    assert not old.leads(ANA) and new.leads(ANA) and new.leads("@bob:x")
    levels = {"users": {"@mod:x": 50, "@odd:x": "100"}, "users_default": 0}
    new.learn({"type": "m.room.power_levels", "content": levels})
    assert new.leads("@mod:x") and not new.leads("@eve:x") and not new.leads("@odd:x")


def test_nobody_may_invite_unless_the_operator_says_so():
    assert not rooms.Guests().welcome("!a", ANA)
    assert rooms.Guests(rooms=("!a",)).welcome("!a", "@eve:x")
    guests = rooms.Guests(inviters=("*:cafe.test",))
    assert guests.welcome("!b", ANA)
    assert not guests.welcome("!b", "@ana:cafe.test.evil") and not guests.welcome("!b", "")
