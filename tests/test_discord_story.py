"""What people live through on Discord, told as stories: real discord.py on a simulated Discord."""

from __future__ import annotations

import re
from html import unescape

import discord
import pytest

from adapters.discord import Options
from adapters.scripted import ScriptedModel
from bot.domain import (
    LANGUAGES,
    Case,
    Consent,
    Contest,
    Delivery,
    Kind,
    Rectification,
    Review,
    Turn,
    Verdict,
)
from docs.pictures import discord as pictures
from policies.second_look import SecondLook
from prompts import load
from tests.conftest import BENCHES
from tests.discord_world import World, world

MODERATOR = discord.Permissions(manage_messages=True)
IDEAS = {
    "fr": (BENCHES, "près du marché, parce que les gens s'y arrêtent"),
    "en": ("We should have more benches in town for the elderly.", "near the market, I think"),
    "de": ("Wir brauchen mehr Bänke in der Stadt für die Älteren.", "vor allem beim Markt"),
    "ar": ("نحتاج مقاعد أكثر في المدينة لكبار السن.", "قرب السوق لأن الناس يتوقفون هناك"),
}


def word(language: str, name: str) -> str:
    """Return the slash command that stands for *name*."""
    return load().lexicon(language, "menu")[name]["word"]


def text(language: str, key: str) -> str:
    return load().text(language, key)


async def kinds(w: World) -> list[Kind]:
    """Return what sorts of things were said, in order."""
    return [e.reply.kind for e in await w.events() if getattr(e, "reply", None)]


async def test_a_mention_opens_a_thread_and_nothing_is_kept_before_consent():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        assert len(w.channel.threads) == 1
        (welcome,) = w.said()
        assert "Café Socrate" in welcome.content and "(IA)" in welcome.content
        (turn, _) = await w.events()
        assert turn.message.text == ""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_whole_exchange_by_mention_and_reply(language):
    idea, more = IDEAS[language]
    async with world(language=language) as w:
        await w.sends(w.mention(idea))
        await w.clicks(w.last, "agree")
        await w.sends(idea, channel=w.thread, reply_to=w.last)
        question = w.last
        assert "?" in question.content or "؟" in question.content
        assert text(language, "notice.ai-mark") in question.content
        await w.sends(more, channel=w.thread, reply_to=question)
        second = w.last
        assert second.content != question.content
        why = await w.clicks(second, "why")
        assert why.ephemeral and why.response.content
        contested = await w.clicks(second, "leading")
        assert contested.ephemeral
        await w.clicks(second, "skip")
        third = w.last
        assert third.id != second.id
        await w.clicks(third, "stop")
        assert text(language, "notice.stopped")[:20] in w.last.content
        said = [e for e in await w.events() if isinstance(e, Turn) and e.message.text]
        assert [t.message.text for t in said] == [idea, more]
        assert [c.granted for c in await w.events() if isinstance(c, Consent)] == [True]
        assert any(isinstance(e, Contest) for e in await w.events())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_whole_exchange_by_slash_command(language):
    idea, more = IDEAS[language]
    name = text(language, "discord.idea-word")
    option = text(language, "discord.text-word")
    async with world(language=language) as w:
        shown = await w.slash(name, **{option: idea})
        assert shown.ephemeral and f"<#{w.thread.id}>" in shown.response.content
        assert w.said(w.channel) == []
        agreed = await w.slash(word(language, "agree"), channel=w.thread)
        assert agreed.ephemeral and agreed.response.content
        asked = await w.slash(name, channel=w.thread, **{option: idea})
        assert asked.response is None, "the promise of a private answer is taken back"
        question = w.last
        await w.slash(name, channel=w.thread, **{option: more})
        assert w.last.id != question.id
        for private in ("why", "help", "leading"):
            answered = await w.slash(word(language, private), channel=w.thread)
            assert answered.ephemeral and answered.response.content, private
        before = len(w.said())
        for public in ("skip", "unsure", "recap", "stop"):
            await w.slash(word(language, public), channel=w.thread)
            before += 1
            assert len(w.said()) == before, public
        assert (await kinds(w))[-1] is Kind.GOODBYE


async def test_the_whole_exchange_by_context_menu():
    async with world() as w:
        ana = w.member()
        written = await ana.send(w.channel, BENCHES)
        await w.settled()
        assert await w.events() == [], "what was not meant for the bot is not kept"
        shown = await w.enriches(written)
        assert shown.ephemeral and f"<#{w.thread.id}>" in shown.response.content
        assert w.thread.id == written.id, "the thread hangs on the message"
        await w.clicks(w.last, "agree")
        again = await w.enriches(written)
        assert again.ephemeral and f"<#{w.thread.id}>" in again.response.content


async def test_somebody_elses_message_is_not_enriched():
    async with world() as w:
        written = await w.member("ben").send(w.channel, BENCHES)
        shown = await w.enriches(written)
        assert shown.ephemeral and shown.response.content == text("en", "discord.not-yours")
        assert await w.events() == [] and not w.channel.threads


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_whole_exchange_by_form(language):
    idea, more = IDEAS[language]
    async with world(language=language) as w:
        form = await w.slash(text(language, "discord.idea-word"))
        assert form.modal["title"] == text(language, "discord.form-title")
        await w.submits(form, idea)
        agreed = await w.clicks(w.last, "agree")
        await w.submits(await w.clicks(agreed.response, ""), idea)
        question = w.last
        assert "?" in question.content or "؟" in question.content
        await w.submits(await w.clicks(question, ""), more)
        assert w.last.id != question.id
        turns = [e for e in await w.events() if isinstance(e, Turn) and e.message.text]
        assert [t.message.text for t in turns] == [idea, more]
        assert turns[-1].message.about == str(question.id)


async def test_without_the_intent_what_others_say_in_the_thread_is_neither_read_nor_kept():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        before = len(await w.events())
        await w.sends("Tu viens ce soir ?", channel=w.thread)
        await w.sends("Oui !", who=w.member("ben"), channel=w.thread)
        assert len(await w.events()) == before


async def test_with_the_intent_every_message_of_its_threads_is_read_and_of_no_other():
    async with world(message_content=True) as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        await w.sends(BENCHES, channel=w.thread)
        assert (await kinds(w))[-1] is Kind.QUESTION
        before = len(await w.events())
        await w.sends("Rien pour le robot.", channel=w.channel)
        assert len(await w.events()) == before


async def test_with_the_intent_what_people_say_to_each_other_is_theirs_alone():
    async with world(message_content=True) as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        said = await w.sends(BENCHES, channel=w.thread)
        before = len(await w.events())
        await w.sends("Je trouve aussi.", who=w.member("ben"), channel=w.thread, reply_to=said)
        assert len(await w.events()) == before


async def test_consent_holds_in_every_thread_of_the_channel_and_for_that_person_alone():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        await w.sends(w.mention("Il faut planter des arbres près de l'école."))
        assert (await kinds(w))[-1] is Kind.QUESTION
        await w.sends(w.mention("Il faut un banc."), who=w.member("ben"))
        assert (await kinds(w))[-1] is Kind.NOTICE


async def test_a_direct_message_needs_no_mention():
    async with world() as w:
        ana = w.env.create_user("ana")
        w.guild.add_member(ana)
        await ana.send_dm("Bonjour")
        await w.settled()
        assert len(w.said(ana.dm_channel)) == 1


async def test_in_a_forum_post_the_bot_answers_where_it_is_called():
    async with world() as w:
        forum = w.guild.create_forum_channel("forum")
        post = await w.platform.client.get_channel(forum.id).create_thread(name="x", content="x")
        await w.env.settle()
        thread = next(t for t in forum.threads if t.id == post.thread.id)
        await w.sends(w.mention(BENCHES), channel=thread)
        (turn, _) = await w.events()
        assert (turn.message.room.id, turn.message.room.debate) == (str(thread.id), str(forum.id))


async def test_bots_webhooks_and_system_messages_are_not_answered():
    async with world() as w:
        other = w.guild.add_member(w.env.create_user("robot", bot=True))
        await w.sends(w.mention("Bonjour"), who=other)
        hook = w.guild.create_webhook(w.channel)
        await hook.send(w.mention("Bonjour"))
        await w.settled()
        assert await w.events() == []


async def test_a_model_that_calls_everybody_calls_nobody(monkeypatch):
    async def pass_all(self: SecondLook, *_: object) -> Verdict:
        return Verdict(policy=self.name)

    monkeypatch.setattr(SecondLook, "check", pass_all)
    hostile = ScriptedModel(lambda _: "@everyone <@1> `x` Où, <#5> [ici](https://x.org) ?")
    draft = {"name": "ollama:tiny", "strategy": "draft"}
    settings = {"model": draft, "bot": {"gates": ()}}
    async with world(scripted=hostile, settings=settings) as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        await w.sends(BENCHES, channel=w.thread, reply_to=w.last)
        said = w.last
        assert "@everyone" in said.content, "the gates were taken away for this test"
        assert r"\<@1> \`x\`" in said.content and r"\[ici](" in said.content
        assert not (said.mention_everyone or said.mentions or said.role_mentions)
        sent = [r.json for r in w.env.http_requests if r.method == "POST" and "messages" in r.path]
        assert all(body["allowed_mentions"]["parse"] == [] for body in sent if "content" in body)


async def test_an_edit_takes_the_old_text_off_the_record():
    async with world(message_content=True) as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        sent = await w.sends(BENCHES, channel=w.thread)
        await w.member().edit(sent, "Il faut des fontaines en ville.")
        await w.settled()
        assert isinstance((await w.events())[-1], Rectification)
        assert BENCHES not in str(await w.events())


async def test_a_deletion_takes_the_text_off_the_record():
    async with world(message_content=True) as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        sent = await w.sends(BENCHES, channel=w.thread)
        await w.member().delete(sent)
        await w.settled()
        assert isinstance((await w.events())[-1], Rectification)
        assert BENCHES not in str(await w.events())


async def test_buttons_work_after_a_restart():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        old = w.last
        await w.restart()
        await w.clicks(old, "agree")
        assert [c.granted for c in await w.events() if isinstance(c, Consent)] == [True]


async def test_commands_are_made_known_once():
    async with world() as w:
        await w.restart()
        puts = [r for r in w.env.http_requests if r.method == "PUT" and "commands" in r.path]
        assert len(puts) == 1


async def test_what_was_said_while_the_bot_was_away_is_answered_in_order_and_once():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        await w.stop()
        question = w.last
        for said in IDEAS["fr"]:
            await w.member().send(w.thread, said, reply_to=question)
        await w.member("ben").send(w.channel, w.mention("Et moi ?"))
        await w.restart()
        turns = [e for e in await w.events() if isinstance(e, Turn) and e.message.text]
        assert [t.message.text for t in turns] == list(IDEAS["fr"])
        assert len(w.channel.threads) == 2
        await w.restart()
        assert len([e for e in await w.events() if isinstance(e, Turn) and e.message.text]) == 2


async def test_a_first_start_answers_no_history():
    async with world() as w:
        await w.stop()
        w.record._cursors.clear()
        await w.member().send(w.channel, w.mention(BENCHES))
        await w.restart()
        assert await w.events() == []


# ------------------------------------------------------------------- moderators


async def moderated(w: World):
    """Return a moderators' channel, and a contest that is shown there."""
    w.platform.options = Options(moderators=str(w.guild.create_text_channel("modération").id))
    w.platform._arrivals.reader = w.platform._reader()
    await w.sends(w.mention(BENCHES))
    await w.clicks(w.last, "agree")
    await w.sends(BENCHES, channel=w.thread, reply_to=w.last)
    await w.clicks(w.last, "leading")
    return w.guild.channels["modération"]


async def test_a_contested_question_is_shown_to_moderators_who_answer_by_button():
    async with world() as w:
        room = await moderated(w)
        (case,) = w.said(room)
        assert any(isinstance(e, Case) and e.cause == "contest" for e in await w.events())
        done = await w.clicks(case, "uphold", who=w.member("mod"))
        assert done.ephemeral and done.response.content
        reviews = [e for e in await w.events() if isinstance(e, Review)]
        assert [r.finding for r in reviews] == ["upheld"]
        assert w.last.content.startswith(reviews[0].reply.text[:20])


async def test_moderators_answer_in_their_own_words_by_form_by_reply_and_by_command():
    async with world() as w:
        room = await moderated(w)
        (case,) = w.said(room)
        mod = w.member("mod", roles=[w.guild.create_role("m", permissions=MODERATOR)])
        await w.submits(await w.clicks(case, "", who=mod), "Nous changeons la question.", who=mod)
        await w.sends(w.mention("Merci du signalement."), who=mod, channel=room, reply_to=case)
        number = (await w.entries())[-1].seq
        shown = next(e.seq for e in await w.entries() if isinstance(e.event, Case))
        assert number > shown
        options = {
            text("fr", "discord.number-word"): shown,
            text("fr", "discord.reason-word"): "Non.",
        }
        await w.slash(
            load().lexicon("fr", "menu")["reject"]["word"], who=mod, channel=room, **options
        )
        reviews = [e for e in await w.events() if isinstance(e, Review)]
        assert [r.note for r in reviews] == [
            "Nous changeons la question.",
            "Merci du signalement.",
            "Non.",
        ]
        assert [r.finding for r in reviews][-1] == "rejected"


async def test_moderators_commands_are_for_moderators():
    async with world() as w:
        await moderated(w)
        words = load().lexicon("fr", "menu")
        for name in ("uphold", "reject"):
            assert words[name]["word"] not in w.member("ben").available_commands(w.channel)
        trusted = w.guild.create_role("t", permissions=MODERATOR)
        eve = w.member("eve", roles=[trusted])
        done = await w.slash(words["uphold"]["word"], who=eve)
        assert done.ephemeral and done.response.content == text("en", "discord.moderators-only")
        assert not [e for e in await w.events() if isinstance(e, Review)]


async def test_a_person_in_distress_is_shown_to_moderators():
    async with world() as w:
        room = await moderated(w)
        await w.sends(
            "Je veux mourir ce soir, je n'en peux plus.", channel=w.thread, reply_to=w.last
        )
        assert "handoff" not in w.last.content
        assert [e.cause for e in await w.events() if isinstance(e, Case)] == ["contest", "hand-off"]
        assert len(w.said(room)) == 2


# ------------------------------------------------------------------- what goes wrong


async def test_a_missing_permission_is_named_with_what_to_grant():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        w.env.inject_error("POST", "/channels/*/messages", status=403, code=50013)
        await w.sends(BENCHES, channel=w.thread, reply_to=w.last)
        failures = [e.failure for e in await w.events() if isinstance(e, Delivery) and e.failure]
        assert len(failures) == 1 and "grant it" in failures[0] and str(w.thread.id) in failures[0]


async def test_where_no_thread_can_be_opened_the_person_is_told_whom_to_tell():
    async with world() as w:
        w.env.inject_error("POST", "/channels/*/threads", status=403, code=50013)
        shown = await w.slash("idee", texte=BENCHES)
        assert shown.ephemeral and "grant it" in shown.response.content
        assert await w.events() == []


async def test_an_archived_thread_is_opened_again():
    async with world() as w:
        await w.sends(w.mention(BENCHES))
        await w.clicks(w.last, "agree")
        w.env.inject_error("POST", f"/channels/{w.thread.id}/messages", status=400, code=50083)
        await w.sends(BENCHES, channel=w.thread, reply_to=w.last)
        assert not [e.failure for e in await w.events() if isinstance(e, Delivery) and e.failure]
        patched = [r for r in w.env.http_requests if r.method == "PATCH" and "channels" in r.path]
        assert [p.json for p in patched] == [{"archived": False}]


async def test_a_server_that_is_not_served_gets_no_answer():
    async with world(guilds=("1",)) as w:
        await w.sends(w.mention(BENCHES))
        shown = await w.slash("aide")
        assert shown.ephemeral and shown.response.content == text("en", "discord.elsewhere")
        assert await w.events() == []


async def test_two_shards_serve_two_servers():
    async with world(shards=2) as w:
        other = w.env.create_guild("Autre", shard_id=1)
        channel = other.create_text_channel("idées")
        ben = other.add_member(w.env.create_user("ben"))
        await w.sends(w.mention(BENCHES), who=ben, channel=channel)
        await w.sends(w.mention(BENCHES))
        assert len(channel.threads) == len(w.channel.threads) == 1


async def test_the_pictures_show_what_is_said_today():
    """Where this fails: ``python -m docs.pictures.discord``."""
    person, moderators = await pictures.exchange()
    for file, seen in (("discord-fr", person), ("discord-moderators-fr", moderators)):
        drawing = (pictures.HERE / f"{file}.svg").read_text("utf-8")
        shown = unescape("".join(re.findall(r"<text[^>]*>(.*)</text>", drawing)))
        for message in seen:
            for line in (*pictures.lines(message.text), *message.buttons):
                assert line.removeprefix("-# ") in shown
