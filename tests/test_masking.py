from __future__ import annotations

import gc
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import LANGUAGES, Decision, Label, Message
from policies.masking import PUBLIC, RECENT, Masking
from policies.personal_data import PersonalData
from prompts import TomlPromptBook, load
from tests.conftest import CASES, NOON, ROOM, dialogue, rows

ROWS = rows(CASES / "personal-data.jsonl")
NAMED = [r for r in ROWS if r["spans"]]
ORDINARY = [r for r in ROWS if not r["spans"]]
RECALL = 0.99
NEEDLESS = 0.02
LONG = 25_000
MASKING = Masking(load())
"""Read once: the lists do not change."""


def hidden(text: str, language: str) -> set[int]:
    return {i for s in MASKING.spans(text, language) for i in range(s.start, s.end)}


def missed(row: dict[str, object]) -> list[str]:
    text = str(row["text"])
    covered = hidden(text, str(row["lang"]))
    spans = [(s["start"], s["end"]) for s in row["spans"]]  # type: ignore[attr-defined]
    return [
        text[start:end]
        for start, end in spans
        if any(text[i].isalnum() and i not in covered for i in range(start, end))
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_and_personal_data_are_hidden(language: str) -> None:
    cases = [r for r in NAMED if r["lang"] == language]
    total = sum(len(r["spans"]) for r in cases)
    lost = [words for r in cases for words in missed(r)]

    assert len(cases) >= 20
    assert len(lost) <= (1 - RECALL) * total, lost


def test_ordinary_contributions_are_left_as_they_are() -> None:
    changed = [r["text"] for r in ORDINARY if MASKING.spans(r["text"], r["lang"])]

    assert len(ORDINARY) >= 120
    assert len(changed) <= NEEDLESS * len(ORDINARY), changed


def test_contributions_of_other_authors_are_rarely_touched_by_a_person_or_a_number() -> None:
    said = [r for lang in LANGUAGES for r in rows(CASES / f"contributions-{lang}.jsonl")]
    touched = [
        r["text"]
        for r in said
        if any(s.kind not in PUBLIC for s in MASKING.spans(str(r["text"]), r["lang"]))
    ]

    # Two of them hold an address, which is rightly hidden.
    assert len(touched) - 2 <= NEEDLESS * len(said), touched


def test_the_same_words_get_the_same_placeholder_in_every_message() -> None:
    masked = MASKING.mask(["Macron l'a dit.", "Et MACRON aussi, avec Merkel."], "fr")

    assert masked.texts == (
        "[POLITICIAN_1] l'a dit.",
        "Et [POLITICIAN_1] aussi, avec [POLITICIAN_2].",
    )
    assert [h.text for h in masked.hidden] == ["Macron", "Merkel"]


def test_what_is_hidden_in_one_message_is_hidden_in_the_others() -> None:
    texts = ["Teach Irish history in schools.", "Which parts of Irish history?"]
    masked = MASKING.mask(texts, "en").texts
    assert masked == ("Teach [GROUP_1] history in schools.", "Which parts of [GROUP_1] history?")


def test_a_language_alone_is_left_in_every_message() -> None:
    texts = ["Teach Irish at school.", "Who would teach Irish?"]
    assert MASKING.mask(texts, "en").texts == tuple(texts)


@pytest.mark.parametrize(
    "text", ["Then at 8.20 all gone.", "We walk at 6.30 in the dark.", "I was at home.We left."]
)
def test_a_time_or_a_missing_space_is_no_address(text: str) -> None:
    assert MASKING.mask([text], "en").texts == (text,)


@pytest.mark.parametrize("address", ["ana at example.com", "ana at example dot org"])
def test_an_address_in_words_is_hidden(address: str) -> None:
    assert MASKING.mask([f"Write to {address} please"], "en").texts == (
        "Write to [EMAIL_1] please",
    )


def test_a_number_is_the_same_however_it_is_spaced() -> None:
    masked = MASKING.mask(["Mon numéro : 06 78 45 12 90, je répète 06.78.45.12.90"], "fr")

    assert [h.kind for h in masked.hidden] == ["PHONE"]


def test_only_parties_politicians_and_groups_may_be_said_again() -> None:
    text = "Je m'appelle Karim Benali. Les musulmans, Macron et le RN, mon tel 0678451290"
    masked = MASKING.mask([text], "fr")

    assert {h.kind for h in masked.hidden if not h.personal} == PUBLIC
    assert {h.kind for h in masked.hidden if h.personal} == {"PERSON", "PHONE"}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Les musulmans veulent un carré.", "Les catholiques veulent un carré."),
        ("Les Polonais ont raison.", "Les Marocains ont raison."),
        ("Le RN a raison.", "LFI a raison."),
        ("Mme Dupont a raison.", "Mme Belkacem a raison."),
        ("Karim a raison.", "Julie a raison."),
    ],
)
def test_nothing_is_left_to_tell_two_sides_apart(left: str, right: str) -> None:
    one, other = (MASKING.mask([t], "fr").texts[0] for t in (left, right))

    assert one.removeprefix("Le ") == other.removeprefix("Le ")


def test_a_placeholder_written_by_the_person_is_never_given_out() -> None:
    masked = MASKING.mask(["[PARTY_1] et le RN"], "fr")

    assert masked.texts == ("[PARTY_1] et le [PARTY_2]",)


def test_a_name_written_without_capitals_or_accents_is_hidden_after_a_cue() -> None:
    for text in ("je m'appelle zvonko baric et", "JE M'APPELLE ZVONKO BARIC ET", "mme lefevre dit"):
        assert MASKING.mask([text], "fr").hidden, text


def test_a_school_or_a_street_called_after_somebody_is_no_person() -> None:
    said = {
        "fr": "Le collège Simone Martin et la rue Julie Bernard sont sales.",
        "en": "Charlotte Street and Harold Wilson Primary need a crossing.",
        "de": "Die Sabine-Neumann-Schule braucht einen Zaun.",
    }
    for language, text in said.items():
        assert MASKING.mask([text], language).texts == (text,)


def test_a_verb_after_a_trade_is_no_name_and_a_number_after_a_street_no_house() -> None:
    said = ("الصيدلي قاللي «تعالى بعد أسبوعين»", "نريد السرعة في شارع الزيتون إلى ٣٠")
    assert MASKING.mask(said, "ar").texts == said
    assert MASKING.mask(("أسكن في شارع الزيتون 30",), "ar").texts == ("أسكن في [ADDRESS_1]",)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("À quel signe verriez-vous que cela va mieux ?", "fr"),
        ("Ein Haus mit 40 Familie. Mülltonne immer voll.", "de"),
        ("Bei dem Blinken der Ampel schläft keiner.", "de"),
        ("Alles isch tüürer worde nach dr Renovation.", "de"),
        ("Ich fahre meine Nachbarin zum Einkaufen.", "de"),
    ],
)
def test_a_word_that_may_announce_a_name_is_often_only_a_word(text: str, language: str) -> None:
    assert MASKING.mask([text], language).texts == (text,)


@pytest.mark.parametrize(
    "text", ["المعلم يضربنا كل يوم", "خالي يتحرش بي", "الإمام يصرخ علينا", "الدكتور تهددنا بالطرد"]
)
def test_what_somebody_does_is_not_their_name_in_arabic(text: str) -> None:
    assert not MASKING.spans(text, "ar")


@pytest.mark.parametrize("text", ["الدكتور يعقوبي قال لا", "السيد تازي جاري", "خالي محمد قال لا"])
def test_a_name_that_looks_like_a_verb_is_hidden_after_a_title(text: str) -> None:
    assert [s.kind for s in MASKING.spans(text, "ar")] == ["PERSON"]


def test_a_language_is_not_the_people_who_speak_it() -> None:
    text = "Il faut apprendre l'arabe et l'allemand."

    assert MASKING.mask([text], "fr").texts == (text,)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from((*LANGUAGES, "xx")))
def test_what_was_hidden_can_always_be_put_back(text: str, language: str) -> None:
    masked = MASKING.mask([text], language)
    spans = MASKING.spans(text, language)

    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert [s.start for s in spans] == sorted({s.start for s in spans})
    outside = "".join(c for i, c in enumerate(text) if i not in hidden(text, language))
    marks = "|".join(re.escape(h.placeholder) for h in masked.hidden)
    assert (re.sub(marks, "", masked.texts[0]) if marks else masked.texts[0]) == outside


HARD = [
    "a", "A", "A-", "a.", "1 ", "12 rue A ", "a@b.", "م", "وال", "12 شارع ", "[PERSON_1]", "+1", "((0",
    "\ud800", "\U0001f600", "M. ", "Herr Dr. ", "12 rue de la ", "http://a/", "AB 12 ", "Astrasse",
    "flat 1 ", "je m'appelle de ", "arabe ou ", "tel 1", "secu 1 2",
]  # fmt: skip


@pytest.mark.parametrize("seed", HARD)
def test_time_grows_with_the_length_of_the_text_and_no_faster(seed: str) -> None:
    def seconds(length: int) -> float:
        text = (seed * length)[:length]
        # The lists are read already, and no text is known yet.
        masking = Masking(MASKING.book, MASKING._lists)
        start = time.process_time()
        masking.mask([text], "fr")
        return time.process_time() - start

    def fastest(length: int) -> float:
        # The least of several: whatever else the machine does only ever adds.
        return min(seconds(length) for _ in range(4))

    gc.disable()
    try:
        assert fastest(LONG) < 12 * fastest(LONG // 4) + 0.1
    finally:
        gc.enable()


async def test_personal_data_are_allowed_and_reported_and_public_names_are_not(
    book: TomlPromptBook,
) -> None:
    text = MASKING.mask(["Mme Dupont, 06 78 45 12 90, pense comme Macron."], "fr").texts[0]
    message = Message(id="1", room=ROOM, sender="ana", text=text, sent_at=NOON)

    verdict = await PersonalData(book).check(message, dialogue(text))

    assert verdict.decision is Decision.ALLOW
    assert [(f.rule, text[f.start : f.end]) for f in verdict.findings] == [
        ("personal_data.person", "[PERSON_1]"),
        ("personal_data.phone", "[PHONE_1]"),
    ]
    assert all(f.label is Label.PERSONAL_DATA and f.reason for f in verdict.findings)


def test_few_texts_are_kept_in_mind():
    masking = Masking(MASKING.book)
    for number in range(RECENT + 5):
        masking.spans(f"Je suis le numéro {number}.", "fr")
    assert masking._recent.cache_info().currsize == RECENT


@pytest.mark.parametrize(
    ("language", "text", "hidden"),
    [
        ("fr", "Moi c'est moi, 0612345678 12 rue des Lilas", "[PHONE_1] [ADDRESS_1]"),
        ("fr", "tel 06 12 34 56 78 5 rue des lilas", "[PHONE_1] [ADDRESS_1]"),
        ("en", "call 07700 900123 12 Mill Lane", "[PHONE_1] [ADDRESS_1]"),
        ("ar", "رقمي 0612345678 12 شارع الحسن الثاني", "[PHONE_1] [ADDRESS_1]"),
    ],
)
def test_a_number_right_before_another_is_hidden_too(language: str, text: str, hidden: str) -> None:
    assert MASKING.mask([text], language).texts[0].endswith(hidden)


@pytest.mark.parametrize(
    ("language", "text", "hidden"),
    [
        ("fr", "karim m'a dit que c'est fermé", "karim"),
        ("fr", "c'est sofiane qui a la clé", "sofiane"),
        ("fr", "jean point dupont arobase orange point fr", "jean point dupont"),
        ("en", "priya told me the lift is broken", "priya"),
        ("en", "sort code 12-34-56", "12-34-56"),
        ("de", "der ahmet hat mir geholfen", "ahmet"),
        ("ar", "khoya karim sakn hna", "karim"),
        ("ar", "جارنا كريم بناني", "بناني"),
    ],
)
def test_names_written_small_and_spoken_addresses_are_hidden(
    language: str, text: str, hidden: str
) -> None:
    assert hidden not in MASKING.mask([text], language).texts[0]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "le bruit me gêne et les mâts aussi"),
        ("fr", "je vais péter un câble avec ces lois"),
        ("en", "how else can they beat the fares till spring"),
        ("de", "von allen anderen, solange es geht"),
        ("ar", "ana mrid w nhar kamel kan9ra"),
    ],
)
def test_what_is_written_small_and_another_word_is_left(language: str, text: str) -> None:
    assert MASKING.mask([text], language).texts == (text,)
