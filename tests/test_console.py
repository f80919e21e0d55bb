"""What the console shows to whom, and what it puts on record before it does."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from dataclasses import replace

import pytest

from adapters.console import DOORS, ROLES, Checked, Right
from adapters.console.doors import ANYBODY
from adapters.console.marks import marked
from adapters.console.words import shown
from bot.domain import (
    LANGUAGES,
    Access,
    Approval,
    Contest,
    Decision,
    Erased,
    Erasure,
    Filter,
    Finding,
    Kind,
    Label,
    Review,
    Turn,
    Verdict,
)
from bot.errors import StorageError
from storage.verify import HeadState
from tests.console_world import CAFE, World, browser, console, filled, steered

BENCHES = "Il faudrait plus de bancs"
SAID = {"reason": "audit"}


@pytest.fixture(scope="module")
def world() -> World:
    """A debate that nobody adds to."""
    return asyncio.run(filled())


@pytest.fixture
async def talk() -> World:
    """A short debate of its own: one question, contested."""
    made = World()
    await made.record.append(CAFE)
    await made.says("ana", "j'accepte", f"{BENCHES} pour les anciens.", "question orientée")
    return made


@pytest.fixture(scope="module")
def quiet(world, tmp_path_factory):
    with console(world, tmp_path_factory.mktemp("quiet"), public=(CAFE.name,)) as made:
        yield made


@pytest.fixture
def site(talk, tmp_path):
    with console(talk, tmp_path) as made:
        yield made


def path_of(door, seq: int = 12) -> str:
    return door.path.replace("{seq}", str(seq)).replace("{name}", CAFE.name)


async def events(world: World, kind: type) -> list:
    return [e.event async for e in world.record.entries() if isinstance(e.event, kind)]


# Who may come where


async def test_a_stranger_comes_in_only_where_everybody_may(quiet):
    someone = browser(quiet)
    for door in DOORS:
        send = someone.get if door.method == "GET" else someone.post
        answer = await send(path_of(door))
        told = (door.method, door.path, answer.status_code)
        if door.right is ANYBODY:
            assert answer.status_code in {200, 303, 401, 404}, told
        elif door.method == "GET" and not door.path.startswith("/api/"):
            assert (answer.status_code, answer.headers["location"]) == (303, "/login"), told
        else:
            assert answer.status_code == 401, told
        assert BENCHES not in answer.text, told


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_comes_in_where_its_rights_say_and_nowhere_else(quiet, role):
    """Acts that a role has a right to have their own tests, on a record that may change."""
    someone = await browser(quiet).enter(role)
    for door in DOORS:
        allowed = door.right in {ANYBODY, Right.ACCOUNT, *ROLES[role]}
        if allowed and (door.method == "POST" or door.right is ANYBODY):
            continue
        send = someone.get if door.method == "GET" else someone.post
        answer = await send(path_of(door))
        told = (door.method, door.path, answer.status_code)
        missing = door.path == "/exchanges/{seq}/case"  # 403 until it was read
        assert (answer.status_code != 403) is allowed or missing, told
        assert BENCHES not in answer.text, told


def test_every_door_says_what_it_needs_and_only_a_few_need_nothing():
    open_ = {d.path for d in DOORS if d.right is ANYBODY}
    assert open_ == {
        "/login",
        "/login/once",
        "/login/oidc",
        "/login/oidc/back",
        "/language",
        "/health",
        "/public",
        "/public/{name}",
        "/api/openapi.json",
    }
    assert {d.method for d in DOORS} == {"GET", "POST"}


async def test_a_moderator_of_another_debate_neither_reads_nor_judges_here(site, talk):
    other = await browser(site).enter("elsewhere")
    contest = await talk.last(Contest)

    assert (await other.post(f"/exchanges/{contest}/read", **SAID)).status_code == 403
    assert (await other.post(f"/exchanges/{contest}/decide", finding="upheld")).status_code == 403
    assert (
        (await other.post("/review/next", queue="contested"))
        .headers["location"]
        .endswith("empty=contested")
    )
    assert await events(talk, Access) == []


async def test_an_account_without_a_role_comes_in_nowhere(site):
    someone = await browser(site).enter("viewer")
    site.store._do("update account set roles = '[]' where name = 'viewer'")

    assert (await someone.get("/")).status_code == 403
    assert (await someone.get("/account")).status_code == 403


# Reading


async def test_nothing_a_person_wrote_is_shown_before_its_reading_is_on_record(site, talk):
    reader = await browser(site).enter("auditor")
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq

    assert BENCHES not in (await reader.get(f"/exchanges/{turn}")).text
    assert BENCHES not in (await reader.post(f"/exchanges/{turn}/read")).text
    assert await events(talk, Access) == []

    await reader.post(f"/exchanges/{turn}/read", reason="other", note="une plainte")

    assert await events(talk, Access) == [
        Access(turn=turn, reader="auditor", reason="other: une plainte")
    ]
    assert BENCHES in (await reader.get(f"/exchanges/{turn}")).text


async def test_where_a_reading_cannot_be_recorded_nothing_is_shown(site, talk):
    class Full:
        async def read(self, *_: object) -> None:
            raise StorageError("disk full")

    site.hall = replace(site.hall, acts=Full())
    reader = await browser(site).enter("auditor")
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq

    answer = await reader.post(f"/exchanges/{turn}/read", **SAID)

    assert answer.status_code == 503
    assert not site.store.may_show(site.store.session(reader.token), turn)


async def test_a_model_is_asked_again_only_by_who_read_what_it_was_shown(tmp_path):
    talk, asked = World(), []
    await talk.record.append(CAFE)
    await steered(talk)
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq

    async def replay(event: Turn) -> list[str]:
        asked.append(event)
        return ["same", "another model"]

    with console(talk, tmp_path, replay=replay) as made:
        reader = await browser(made).enter("auditor")
        refused = await reader.post(f"/exchanges/{turn}/replay")
        await reader.post(f"/exchanges/{turn}/read", **SAID)
        page = (await reader.post(f"/exchanges/{turn}/replay")).text

    assert refused.status_code == 403
    assert asked[0].attempts[0].draft.asked is not None
    assert "La réponse est la même." in page
    assert "rien à comparer" in page


async def test_what_was_read_is_hidden_again_after_a_while(site, talk):
    reader = await browser(site).enter("auditor")
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq
    await reader.post(f"/exchanges/{turn}/read", **SAID)

    talk.clock.pass_(minutes=16)

    assert BENCHES not in (await reader.get(f"/exchanges/{turn}")).text


async def test_one_readers_reason_opens_nothing_to_another(site, talk):
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq
    await (await browser(site).enter("auditor")).post(f"/exchanges/{turn}/read", **SAID)

    other = await browser(site).enter("moderator")

    assert BENCHES not in (await other.get(f"/exchanges/{turn}")).text


async def test_names_are_hidden_from_all_but_the_privacy_officer(talk, tmp_path):
    await talk.says("leo", "j'accepte", "Le Parti socialiste veut des bancs en ville.")
    turn = (await talk.record.lines(Filter(kind="turn", said="question"), limit=1))[0].seq
    with console(talk, tmp_path) as made:
        for name, seen in (("auditor", False), ("privacy-officer", True)):
            reader = await browser(made).enter(name)
            await reader.post(f"/exchanges/{turn}/read", **SAID)
            page = (await reader.get(f"/exchanges/{turn}")).text
            assert ("Parti socialiste" in page, "[PARTY_1]" in page) == (seen, not seen)
            assert (talk.person("leo").sender in page) is seen


async def test_no_list_count_or_public_page_holds_what_anybody_wrote(quiet):
    someone = await browser(quiet).enter("privacy-officer")
    paths = ["/", "/exchanges", "/ideas", "/rules", "/api/counts", "/api/lines", "/public"]
    for path in [*paths, f"/public/{CAFE.name}"]:
        page = (await someone.get(path)).text
        for words in ("bancs sur la place", "ma mère", "toilettes", "مقاعد", "Fahrradständer"):
            assert words not in page, path


# Judging


async def ready(site, talk, name: str = "moderator"):
    """A moderator who has read the contest; and the number of it."""
    someone = await browser(site).enter(name)
    answer = await someone.post("/review/next", queue="contested")
    return someone, int(re.search(r"/exchanges/(\d+)", answer.headers["location"])[1])


async def test_an_upheld_contest_reaches_the_person_with_its_reason(site, talk):
    someone, contest = await ready(site, talk)

    await someone.post(f"/exchanges/{contest}/decide", finding="upheld", note="Elle suppose trop.")

    (review,) = await events(talk, Review)
    assert (review.turn, review.moderator, review.finding) == (contest, "moderator", "upheld")
    assert review.reply.kind is Kind.VERDICT
    assert "Elle suppose trop." in review.reply.text
    assert review.reply.person == talk.person("ana").sender
    assert [e.event for e in await talk.record.unsent("matrix")] == [review]


async def test_a_contest_is_answered_once_and_never_without_a_reason(site, talk):
    someone, contest = await ready(site, talk)

    bare = await someone.post(f"/exchanges/{contest}/decide", finding="upheld", note=" ")
    first = await someone.post(f"/exchanges/{contest}/decide", finding="upheld", note="Oui, oui.")
    second = await someone.post(f"/exchanges/{contest}/decide", finding="rejected", note="Non, non")

    assert (bare.status_code, first.status_code, second.status_code) == (400, 303, 409)
    assert [r.finding for r in await events(talk, Review)] == ["upheld"]


async def test_nobody_judges_what_they_have_not_read(site, talk):
    someone = await browser(site).enter("moderator")
    contest = await talk.last(Contest)
    answer = await someone.post(f"/exchanges/{contest}/decide", finding="upheld", note="Parce que.")
    assert answer.status_code == 403
    assert await events(talk, Review) == []


async def test_an_upheld_contest_becomes_a_case_for_the_lab(site, talk):
    someone, contest = await ready(site, talk)
    assert (await someone.get(f"/exchanges/{contest}/case")).status_code == 404
    await someone.post(f"/exchanges/{contest}/decide", finding="upheld", note="Elle oriente.")

    answer = await someone.get(f"/exchanges/{contest}/case")

    case = json.loads(answer.text)
    assert "attachment" in answer.headers["content-disposition"]
    assert case["label"] == "leading" and BENCHES in case["contribution"][0]
    assert set(await site.hall.trials.judge(case)) == {"decision", "labels", "findings"}


async def test_two_reviewers_do_not_see_each_other_until_both_have_judged(site, talk):
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq
    for name, finding in (("moderator", "loaded"), ("second", "neutral")):
        someone = await browser(site).enter(name)
        await someone.post(f"/exchanges/{turn}/read", **SAID)
        before = (await someone.get(f"/exchanges/{turn}")).text
        assert "<strong>" not in before
        await someone.post(f"/exchanges/{turn}/judge", finding=finding)
        after = (await someone.get(f"/exchanges/{turn}")).text
        assert "mot chargé</strong>" in after

    answer = await someone.post(f"/exchanges/{turn}/judge", finding="loaded")
    assert answer.status_code == 409
    assert [r.finding for r in await events(talk, Review)] == ["loaded", "neutral"]


@pytest.mark.parametrize(
    "path", ["/exchanges?kind=review", "/api/lines?kind=review", "/exchanges/{n}"]
)
async def test_no_list_tells_a_reviewer_what_the_other_found(site, talk, path):
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq
    entry = await talk.record.append(Review(turn=turn, moderator="jonas", finding="false-dilemma"))
    someone = await browser(site).enter("second")

    page = (await someone.get(path.replace("{n}", str(entry.seq)))).text

    body = page.partition('id="lines"')[2] if "kind=review" in path and "/api" not in path else page
    assert "false-dilemma" not in body and "faux choix" not in body and "jonas" not in body


@pytest.mark.parametrize("queue", ["contested", "risky", "random"])
async def test_a_queue_opens_what_is_left_and_says_when_nothing_is(talk, tmp_path, queue):
    with console(talk, tmp_path) as made:
        someone = await browser(made).enter("second")
        first = (await someone.post("/review/next", queue=queue)).headers["location"]
        assert first.startswith("/review?empty" if queue == "risky" else "/exchanges/")
        reasons = {access.reason for access in await events(talk, Access)}
        assert reasons == (set() if queue == "risky" else {f"review: {queue}"})


# Erasing


async def test_only_the_privacy_officer_erases_and_it_is_for_good(site, talk):
    officer = await browser(site).enter("privacy-officer")
    turn = (await talk.record.lines(Filter(said="question"), limit=1))[0].seq

    unsure = await officer.post(f"/exchanges/{turn}/erase", **SAID)
    done = await officer.post(
        f"/exchanges/{turn}/erase", sure="yes", reason="person", note="lettre"
    )

    assert (unsure.status_code, done.status_code) == (400, 303)
    (erasure,) = await events(talk, Erasure)
    assert erasure.cause == "officer"
    assert await events(talk, Access) == [
        Access(turn=turn, reader="privacy-officer", reason="person: lettre")
    ]
    assert not await events(talk, Turn) and not await events(talk, Contest)
    assert len(await events(talk, Erased)) == len(erasure.erased)
    page = (await officer.get(f"/exchanges/{turn}")).text
    assert BENCHES not in page and "effac" in page


# Ideas


async def proposals(talk: World, *texts: str) -> list[int]:
    for number, text in enumerate(texts):
        await talk.says(f"p{number}", "j'accepte", text, "récapituler", "je valide")
    return [line.seq for line in await talk.record.lines(Filter(kind="approval"), limit=9)]


@pytest.mark.parametrize("form", ["csv", "json", "md", "print"])
async def test_proposals_are_taken_out_without_authors_and_each_is_on_record(site, talk, form):
    taken = await proposals(talk, "Il faut des arbres sur la place du marché.")
    someone = await browser(site).enter("moderator")

    answer = await someone.post("/ideas/export", form=form, debate=CAFE.name, **SAID)

    assert "Il faut des arbres" in answer.text
    assert talk.person("p0").sender not in answer.text
    assert [a.turn for a in await events(talk, Access)] == taken
    if form != "print":
        assert answer.headers["content-disposition"] == f'attachment; filename="proposals.{form}"'


async def test_no_text_is_a_formula_in_a_spreadsheet(site, talk):
    await proposals(talk, "=HYPERLINK('http://evil') Il faut des arbres sur la place.")
    someone = await browser(site).enter("moderator")

    answer = await someone.post("/ideas/export", form="csv", **SAID)

    cells = [cell for row in answer.text.splitlines()[1:] for cell in row.split(",")]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [c for c in cells if c.strip('"').startswith(("=", "+", "-", "@", "\t", "\r"))]


async def test_what_came_of_a_proposal_is_said_by_a_moderator_of_its_debate(site, talk):
    (seq,) = await proposals(talk, "Il faut des arbres sur la place du marché.")
    for name, status in (("elsewhere", 403), ("moderator", 303)):
        someone = await browser(site).enter(name)
        answer = await someone.post(f"/ideas/{seq}/outcome", state="adopted", note="Votée.")
        assert answer.status_code == status
    rows = await site.hall.acts.proposals([seq])
    assert (rows[0]["state"], rows[0]["why"]) == ("adopted", "Votée.")


# For everybody


async def test_a_debate_has_a_public_page_only_if_its_organiser_wants_one(world, tmp_path):
    with console(world, tmp_path) as made:
        assert (await browser(made).get(f"/public/{CAFE.name}")).status_code == 404
        assert (await browser(made).get("/public")).status_code == 404


async def test_the_public_page_shows_no_count_that_could_name_somebody(talk, tmp_path):
    with console(talk, tmp_path, public=(CAFE.name,)) as made:
        page = (await browser(made).get(f"/public/{CAFE.name}")).text
        assert "figure" not in page and CAFE.topic in page


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_there_in_every_language(quiet, language):
    for role in ("moderator", "auditor"):
        someone = await browser(quiet).enter(role)
        someone.client.cookies.set("language", language)
        for door in DOORS:
            if door.method == "GET" and door.path.startswith(("/exchanges/", "/api", "/login/o")):
                continue
            if door.method == "GET" and (door.right is ANYBODY or door.right in ROLES[role]):
                answer = await someone.get(path_of(door))
                assert answer.status_code in {200, 303}, (door.path, answer.text[:300])
                if "<html" in answer.text:
                    direction = "rtl" if language == "ar" else "ltr"
                    assert f'<html lang="{language}" dir="{direction}">' in answer.text


@pytest.mark.parametrize("state", HeadState)
def test_the_console_has_words_for_what_a_checkpoint_can_be(book, state):
    for language in LANGUAGES:
        assert state.value in book.lexicon(language, "console")["head"]


async def test_a_verification_says_how_much_of_it_is_done(talk, tmp_path):
    going, halfway = threading.Event(), threading.Event()

    def verify(progress):
        progress(newest // 2)
        halfway.set()
        going.wait()
        return Checked(sound=True, entries=newest, head="ok")

    newest = (await talk.record.lines(Filter(), limit=1))[0].seq
    with console(talk, tmp_path, verify=verify) as made:
        auditor = await browser(made).enter("auditor")
        await auditor.post("/record/verify")
        await asyncio.to_thread(halfway.wait)
        running = (await auditor.get("/record/verify")).text
        going.set()
        await made.checking._task
        ended = (await auditor.get("/record/verify")).text

    assert f'value="{100 * (newest // 2) // newest}"' in running
    assert "Le point de contrôle est en ordre." in ended


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_word_of_the_console_exists_in_every_language(book, language):
    ours, french = book.lexicon(language, "console"), book.lexicon("fr", "console")
    assert {t: set(ours[t]) for t in ours} == {t: set(french[t]) for t in french}
    for table, words in french.items():
        for key, text in words.items():
            theirs = ours[table][key]
            assert set(re.findall(r"{\w+}", theirs)) == set(re.findall(r"{\w+}", text)), key


# What people wrote, as a page shows it

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'></textarea>{{7*7}}\u202e\x00"


async def test_nothing_a_person_or_a_platform_gives_is_taken_for_markup(tmp_path):
    """Through the text, the ids, the room, the sender, the café and a moderator's note."""
    world = World()
    room = replace(world.person("ana").room, id=f"!x{HOSTILE}", debate="")
    ana = world.person("mallory", room)
    ana.sender = f"P{HOSTILE}"
    named = replace(
        CAFE, name=f"c{HOSTILE}", topic=HOSTILE, organiser=HOSTILE, places=(room.address,)
    )
    await world.record.append(named)
    await world.says("mallory", "j'accepte", f"Il faut des bancs {HOSTILE}", "question orientée")
    approved = Approval(message=ana.message(HOSTILE), sentences=(), language="fr")
    await world.record.append(approved)
    turn = (await world.record.lines(Filter(said="question"), limit=1))[0].seq
    with console(world, tmp_path, public=(named.name,)) as made:
        someone = await browser(made).enter("privacy-officer")
        await someone.post(f"/exchanges/{turn}/read", reason="other", note=HOSTILE)
        pages = [
            "/",
            f"/exchanges/{turn}",
            "/exchanges",
            "/ideas",
            "/public",
            "/exchanges?debate=<b>",
        ]
        for path in pages:
            page = (await someone.get(path)).text
            assert "<script>alert" not in page and "<img src=x" not in page, path
            assert "\u202e" not in page and "\x00" not in page, path
        assert "&lt;script&gt;alert(1)" in (await someone.get(f"/exchanges/{turn}")).text


def test_a_text_shows_no_control_and_keeps_arabic_joiners():
    assert shown("a\u202eb\x1b[0m\u200c\n") == "a\ufffdb\ufffd[0m\u200c\n"


def test_a_text_is_marked_where_something_was_found_and_stays_whole():
    found = (
        Finding(rule="a", label=Label.LEADING, start=0, end=5),
        Finding(rule="b", label=Label.LOADED, start=3, end=8),
        Finding(rule="c", label=Label.FORM),
        Finding(rule="d", label=Label.FORM, start=9, end=99),
    )
    verdict = Verdict(policy="deny", decision=Decision.WITHHOLD, findings=found)

    pieces = marked("Ne pensez ?", [verdict])

    assert "".join(p.text for p in pieces) == "Ne pensez ?"
    assert [(p.text, [f.rule for f in p.findings]) for p in pieces] == [
        ("Ne ", ["a"]),
        ("pe", ["a", "b"]),
        ("nse", ["b"]),
        ("z ?", []),
    ]
