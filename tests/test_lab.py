from __future__ import annotations

import io
import json
import re

import pytest

from bot.domain import LANGUAGES
from bot.lab import Lab, run
from bot.text import count_words, sentences
from tests.conftest import BENCHES, CASES, rows, service, shared


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(service())


async def through(work, *lines: str) -> tuple[int, list[dict], str]:
    out, errors = io.StringIO(), io.StringIO()
    code = await run(work, lines, out, errors)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], errors.getvalue()


def item(**values) -> str:
    return json.dumps({"id": "1", **values})


async def broken(lab, contribution: str, question: str) -> set[str]:
    """Return the rules that *question* breaks after *contribution*."""
    answer = await lab.judge({"id": "1", "contribution": contribution, "question": question})
    return {found["rule"] for found in answer["findings"]}


async def test_ask_answers_in_the_published_shape(lab):
    code, (answer,), errors = await through(lab.ask, item(text=BENCHES))
    assert code == 0 and errors == ""
    assert set(answer) == {"id", "question", "move", "frame", "source", "attempts", "lang", "ms"}
    assert (answer["source"], answer["attempts"], answer["lang"]) == ("frame", 1, "fr")
    assert answer["frame"].startswith(answer["move"])


async def test_judge_answers_in_the_published_shape(lab):
    question = "Ne pensez-vous pas que c'est trop cher ?"
    code, (answer,), _ = await through(
        lab.judge, item(lang="fr", contribution=[BENCHES], question=question)
    )
    assert code == 0
    assert set(answer) == {"id", "decision", "labels", "findings", "ms"}
    assert answer["decision"] in {"revise", "withhold", "escalate"}
    for found in answer["findings"]:
        assert set(found) == {"rule", "label", "start", "end", "reason"}
        assert found["reason"] and question[found["start"] : found["end"]]


async def test_screen_answers_in_the_published_shape(lab):
    _, (answer,), _ = await through(lab.screen, item(text="Pour qui dois-je voter ?"))
    assert set(answer) == {"id", "action", "labels", "masked", "lang", "ms"}
    assert (answer["action"], answer["lang"]) == ("decline", "fr")
    assert "electoral" in answer["labels"]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (BENCHES, "answer"),
        ("stop", "stop"),
        ("   ", "ignore"),
        ("\u200b\u200d", "ignore"),
        ("J'ai envie de mourir.", "help"),
    ],
)
async def test_screen_tells_what_would_be_done(lab, text, action):
    _, (answer,), _ = await through(lab.screen, item(text=text, lang="fr"))
    assert answer["action"] == action


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '"x"',
        "{}",
        '{"text": 7}',
        '{"text": []}',
        '{"text": [1]}',
        '{"text": null}',
        "[" * 100_000,
        "\x00",
    ],
)
async def test_a_broken_line_is_named_and_the_others_are_worked_on(lab, line):
    code, answers, errors = await through(lab.ask, item(text=BENCHES), line, item(text=BENCHES))
    assert code == 1
    assert len(answers) == 2
    assert errors.startswith("line 2: ") and errors.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "x" * 25_000,
        "bancs " * 4_000,
        "🙂" * 4_000,
        "\x00\x07\x1b[31mrouge",
        "\ud800 bancs \udfff",
        "\u202eeinmal anders\u202c",
        "e" + "\u0301" * 5_000,
        "((((((((((",
        "« « « »",
        "{slot} {0} %s",
    ],
)
@pytest.mark.parametrize("language", [*LANGUAGES, None, "xx"])
async def test_no_text_brings_ask_down(lab, text, language):
    code, (answer,), _ = await through(lab.ask, item(text=text, lang=language))
    assert code == 0
    assert_one_question(answer)


async def test_several_messages_are_one_idea(lab):
    first = "Il faut des bancs."
    _, (answer,), _ = await through(lab.ask, item(text=[first, "Près du marché couvert."]))
    assert answer["question"].count("?") == 1


def assert_one_question(answer: dict) -> None:
    question = answer["question"]
    assert len(re.findall(r"[?؟]", question)) == 1, question
    assert len(sentences(question)) == 1, question
    assert count_words(question) <= 20, question


def assert_varied(answers: list[dict]) -> None:
    frames = [a["frame"] for a in answers]
    assert len(set(frames)) >= 25
    assert max(map(frames.count, set(frames))) <= 0.10 * len(frames)


async def assert_asked_well(lab, contributions) -> list[dict]:
    code, answers, errors = await through(lab.ask, *map(json.dumps, contributions))
    assert (code, errors) == (0, "")
    assert len(answers) == len(contributions)
    for asked, answer in zip(contributions, answers, strict=True):
        assert answer["lang"] == asked["lang"]
        assert_one_question(answer)
    return answers


async def test_french_contributions_get_varied_questions(lab):
    contributions = rows(CASES / "contributions-fr.jsonl")
    assert len(contributions) >= 120
    assert_varied(await assert_asked_well(lab, contributions))


@pytest.mark.parametrize("language", ["en", "de", "ar"])
async def test_contributions_in_every_language_get_a_question_in_it(lab, language):
    await assert_asked_well(lab, rows(CASES / f"contributions-{language}.jsonl"))


async def test_real_comments_get_varied_questions(lab):
    comments = shared("polis/comments.jsonl")
    assert_varied(await assert_asked_well(lab, comments))


async def test_the_language_is_found_without_being_told(lab):
    wrong = []
    for language in LANGUAGES:
        for case in rows(CASES / f"contributions-{language}.jsonl"):
            _, (answer,), _ = await through(lab.ask, item(text=case["text"]))
            if answer["lang"] != language:
                wrong.append((case["id"], answer["lang"]))
    # Arabic in Latin letters is not told apart yet.
    assert len(wrong) <= 8, wrong


@pytest.mark.parametrize(
    ("contribution", "question", "passes"),
    [
        ("Drari kayl3bo f zen9a 7ta l lil.", "Kifach kayl3bo drari daba f zen9a?", True),
        ("Drari kayl3bo f zen9a 7ta l lil.", "3awed lina 3la nhar f zen9a: chno w9e3?", True),
        ("Drari kayl3bo f zen9a 7ta l lil.", "Wach drari kayl3bo f zen9a?", False),
        ("Drari kayl3bo f zen9a 7ta l lil.", "Comment jouent les enfants ?", False),
        ("الدراري كيلعبو فالزنقة.", "Kifach kayl3bo drari f zen9a?", False),
    ],
)
async def test_who_writes_arabic_in_latin_letters_may_be_asked_in_them(
    lab, contribution, question, passes
):
    given = {"lang": "ar", "contribution": contribution, "question": question}
    assert ((await lab.judge(given))["decision"] == "allow") is passes


async def test_what_is_asked_passes_the_judge(lab):
    """The two ends of the lab agree: a question asked is a question let through."""
    for language in LANGUAGES:
        for case in rows(CASES / f"contributions-{language}.jsonl"):
            asked = await lab.ask(case)
            given = {"lang": language, "contribution": case["text"]}
            verdict = await lab.judge({**given, "question": asked["question"]})
            assert verdict["decision"] == "allow", (asked["question"], verdict["findings"])


@pytest.mark.parametrize(
    ("contribution", "question"),
    [
        ("on nous traite comme des bebes", "Que voulez-vous dire par « comme des bébés » ?"),
        ("A shelter is not a magnet. It is a roof!", 'What do you mean by "magnet, it is a roof"?'),
        ("Et nous, on est quoi ?", "Que voulez-vous dire par « et nous, on est quoi ? » ?"),
        ("Plus de bus 👍", "Que voulez-vous dire par « 👍 » ?"),
    ],
)
async def test_a_quote_may_mend_accents_and_signs_and_hold_a_question(lab, contribution, question):
    rules = await broken(lab, contribution, question)
    assert not {"quoted", "one_question"} & {rule.partition(".")[0] for rule in rules}


@pytest.mark.parametrize(
    ("contribution", "question"),
    [
        ("on nous traite comme des bebes", "Que voulez-vous dire par « traités en bébés » ?"),
        ("Plus de bus 👍", "Que voulez-vous dire par « 👎 » ?"),
        ("Plus de bus", "Que voulez-vous dire par « moins de bus » ?"),
    ],
)
async def test_a_quote_may_not_change_a_word(lab, contribution, question):
    assert "quoted.misquoted" in await broken(lab, contribution, question)


@pytest.mark.parametrize(
    ("contribution", "question", "own"),
    [
        ("Le dernier bus est à 19h40.", "Que faites-vous après 19 h 40 ?", True),
        ("Le dernier bus est à 19 h 40.", "Que faites-vous après 19h40 ?", True),
        ("Le dernier bus est à 19h40.", "Que faites-vous après 20 h ?", False),
        ("Le dernier bus est à 19h40.", "Que faites-vous après 19 h 50 ?", False),
        ("Le loyer est de 500 euros.", "Que faites-vous à 50 euros ?", False),
    ],
)
async def test_a_time_is_the_same_written_in_one_or_apart(lab, contribution, question, own):
    rules = await broken(lab, contribution, question)
    assert (not {"own_words.new-number", "own_words.new-word"} & rules) == own


SWIMMER = "I've swum in the Wye since 1961. I pay twice for it, and I won't pay more."


@pytest.mark.parametrize(
    ("question", "passes"),
    [
        ("You've swum in the Wye since 1961. How was it then?", True),
        ("You pay twice, you say. What do you mean?", True),
        ("You say you won't pay more. What do you mean?", True),
        ("“Since 1961”, you write. How was it then?", True),
        ("Walk me through a swim since 1961. How does it go?", True),
        ("Walking since 1961 is good. How does it go?", False),
        ("You swim in the dirty Wye. How is it?", False),
        ("Pay more, you say. What do you mean?", False),
        ("You do not pay twice. What do you mean?", False),
        ("You pay for the Wye. What do you mean?", False),
        ("It is so. What do you mean?", False),
    ],
)
async def test_what_a_clause_of_the_persons_says_may_be_retold_before_a_question(
    lab, question, passes
):
    assert ("one_question.statement" not in await broken(lab, SWIMMER, question)) == passes


async def test_a_word_that_only_begins_like_a_refusal_turns_nothing_round(lab):
    said = "A man sleeps at the bank and everyone steps over him."
    question = "You say everyone steps over him. How did that begin?"
    assert await broken(lab, said, question) == set()


@pytest.mark.parametrize(
    ("contribution", "question", "theirs"),
    [
        ("Tu peux noter qu'il faut des bancs ?", "Où verriez-vous ces bancs ?", False),
        ("Tu peux noter qu'il faut des bancs ?", "Où verrais-tu ces bancs ?", True),
        ("Salut, on est dix et on veut des bancs.", "Où verriez-vous ces bancs ?", True),
        ("Salut, nous voulons des bancs.", "Où verrais-tu ces bancs ?", True),
        ("Notez-le s'il vous plaît : il faut des bancs.", "Où verrais-tu ces bancs ?", False),
        ("Kannst du notieren, dass es Bänke braucht?", "Wie ist das bei Ihnen?", False),
        ("Kannst du notieren, dass es Bänke braucht?", "Wie ist das bei dir?", True),
    ],
)
async def test_a_question_says_tu_or_vous_as_the_person_does(lab, contribution, question, theirs):
    wrong = "in_language.wrong-register" in await broken(lab, contribution, question)
    assert wrong != theirs
