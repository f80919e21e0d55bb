"""The own-words gate: what counts as the same word, and what does not."""

from __future__ import annotations

import pytest

from adapters.lemmas import DictionaryLemmatiser
from bot.domain import Decision, Draft, Label, Move
from bot.rules import outside_quotes
from policies.own_words import OwnWords
from tests.conftest import dialogue


@pytest.fixture(scope="module")
def gate(book) -> OwnWords:
    return OwnWords(book, DictionaryLemmatiser())


async def found(gate, question, said, language) -> list[str]:
    draft = Draft(text=question, move=Move.CLARIFY)
    verdict = await gate.check(draft, dialogue(said, language=language))
    assert (verdict.decision is Decision.ALLOW) == (not verdict.findings)
    return [question[f.start : f.end] for f in verdict.findings]


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("أولادي يعبرون النهر كل صباح", "كيف يكون عبور النهر؟"),
        ("نريد حدائق للعائلات", "كيف تكون هذه الحديقة؟"),
        ("ما لقيت مدرسة قريبة", "أي المدارس تقصد؟"),
        ("كان جدي يزرع الأرض", "ماذا كان يقول جدك؟"),
        ("ستون تلميذا في القسم", "كيف تمر الساعة مع ستين تلميذا؟"),
        ("نحتاج قانونا جديدا", "كيف تتخيل هالقانون؟"),
        ("الشركة قررت نقل المحطة", "ماذا قالو لك عن الشركة؟"),
    ],
)
async def test_forms_of_one_arabic_root_are_one_word(gate, said, question):
    assert await found(gate, question, said, "ar") == []


@pytest.mark.parametrize(
    ("said", "question", "new"),
    [
        ("نريد حدائق للعائلات", "كيف تكون الملاعب؟", "الملاعب"),
        ("كان جدي يزرع الأرض", "ماذا كان يقول عمدة القرية؟", "عمدة"),
        ("ستة تلاميذ في القسم", "كيف تمر الساعة مع ستين تلميذا؟", "ستين"),
    ],
)
async def test_another_arabic_word_is_new(gate, said, question, new):
    assert new in await found(gate, question, said, "ar")


async def test_a_number_said_with_its_unit_is_the_persons(gate):
    said = "15h d'activité par semaine."
    assert await found(gate, "Que donneraient ces 15 heures ?", said, "fr") == []
    assert await found(gate, "Que donneraient ces 16 heures ?", said, "fr") == ["16"]


@pytest.mark.parametrize(
    ("said", "question", "language", "new"),
    [
        ("Seven of us share one kitchen.", "How do seven people share it?", "en", []),
        ("Seven of us share one kitchen.", "How would seventy people share it?", "en", ["seventy"]),
        ("Nous sommes cinq.", "Comment vivent cinquante personnes ?", "fr", ["cinquante"]),
        ("Sechs Leute warten.", "Wo warten sechzig Leute?", "de", ["sechzig"]),
    ],
)
async def test_a_number_in_words_is_no_form_of_another(gate, said, question, language, new):
    assert await found(gate, question, said, language) == new


@pytest.mark.parametrize(
    ("said", "question", "language", "new"),
    [
        ("Il faut obliger les médecins.", "Que donnerait cette obligation ?", "fr", []),
        ("Qui va vérifier ?", "Comment se ferait la vérification ?", "fr", []),
        ("Who will verify it?", "How would the verification go?", "en", []),
        ("Il faut vérifier.", "Que faites-vous de la vérité ?", "fr", ["vérité"]),
    ],
)
async def test_the_name_of_a_deed_is_of_its_verb(gate, said, question, language, new):
    assert await found(gate, question, said, language) == new


@pytest.mark.parametrize(
    ("said", "question", "language", "new"),
    [
        ("More benches.", "What about the noise round the benches?", "en", ["noise"]),
        ("Plus de bancs.", "Que faites-vous du bruit autour des bancs ?", "fr", ["bruit"]),
        ("Plus de bancs.", "Et les voitures ?", "fr", ["voitures"]),
        ("Mehr Busse nachts.", "Was ist mit dem Preis der Busse?", "de", ["Preis"]),
        ("نريد حافلات ليلية.", "ماذا عن ثمن الحافلات؟", "ar", ["ثمن"]),
    ],
)
async def test_an_everyday_thing_that_nobody_named_is_a_new_idea(
    gate, said, question, language, new
):
    assert await found(gate, question, said, language) == new


async def test_a_part_of_a_persons_german_compound_is_theirs(gate):
    said = "Es braucht Trinkbrunnen am Markt."
    assert await found(gate, "Wie viele Brunnen gibt es dort?", said, "de") == []


async def test_a_german_compound_with_a_new_part_is_new(gate):
    said = "Mein Vermieter heizt kaum."
    assert await found(gate, "Was sagt der Mieterbund dazu?", said, "de") == ["Mieterbund"]


async def test_what_is_taken_for_granted_is_found_though_its_root_was_said(gate):
    draft = Draft(text="لماذا يرفض الجيران؟", move=Move.REASONS)
    verdict = await gate.check(draft, dialogue("الجيران كثيرون", language="ar"))
    assert {f.label for f in verdict.findings} == {Label.PRESUPPOSITION}


def test_an_arabic_plural_may_be_quoted_in_another_case():
    said = "يصوت المقيمون بالخارج"
    assert "المقيمين" not in outside_quotes("من هم «المقيمين بالخارج»؟", [said])
    assert "المقيمات" in outside_quotes("من هن «المقيمات بالخارج»؟", [said])


@pytest.mark.parametrize(
    ("said", "question", "language"),
    [
        ("On est 6 dans la classe.", "Comment vivez-vous à six ?", "fr"),
        ("On est trente dans la classe.", "Comment vivez-vous à 30 ?", "fr"),
        ("There are 11 of us.", "How do you live with eleven?", "en"),
        ("Wir sind zwölf.", "Wie leben Sie zu 12?", "de"),
        ("J'attends depuis 18 mois.", "Que font dix-huit mois pour vous ?", "fr"),
        ("On est quatre-vingt-onze.", "Comment vivez-vous à 91 ?", "fr"),
        ("I work 26 days.", "What do twenty-six days mean for you?", "en"),
        ("It was the 64th call.", "What happened in the sixty-fourth call?", "en"),
        ("Wir sind 24 Leute.", "Wie leben Sie zu vierundzwanzig?", "de"),
        ("نحن 6 في البيت", "كيف تعيشون وأنتم ستة؟", "ar"),
        ("نحن ٦ في البيت", "كيف تعيشون وأنتم ستة؟", "ar"),
        ("عندنا ٣٠ طفلا", "كيف يعيش 30 طفلا؟", "ar"),
    ],
)
async def test_a_small_number_is_the_same_in_digits_and_in_words(gate, said, question, language):
    assert await found(gate, question, said, language) == []


async def test_another_number_is_new_in_words_too(gate):
    assert await found(gate, "How about twelve?", "There are 11 of us.", "en") == ["twelve"]


async def test_a_number_of_two_words_is_neither_of_them(gate):
    assert await found(gate, "What do six days mean for you?", "I work 26 days.", "en") == ["six"]
    said = "I work twenty-six days."
    assert await found(gate, "What do six days mean for you?", said, "en") == ["six"]


@pytest.mark.parametrize(
    ("said", "question", "language"),
    [
        ("les trotinettes sur les trotoirs", "Où voyez-vous ces trottinettes ?", "fr"),
        ("the commitee is late", "When did the committee meet?", "en"),
        ("The goverment must act.", "What would the government do?", "en"),
        ("le gouvernemant ne fait rien", "Que ferait le gouvernement ?", "fr"),
        ("die Müllabfur und das Schwimbad", "Wann sehen Sie Schwimmbad und Müllabfuhr?", "de"),
    ],
)
async def test_a_word_misspelt_by_a_letter_is_the_persons(gate, said, question, language):
    assert await found(gate, question, said, language) == []


@pytest.mark.parametrize(
    ("said", "question", "language"),
    [
        ("Mon pote va au bahut en bécane.", "Comment votre ami va-t-il à l'école à vélo ?", "fr"),
        ("The cops took his dosh.", "What did the police do with the money?", "en"),
        ("De Chlütter reicht nöd.", "Wie viel Geld wäre das?", "de"),
        ("السبيطار بعيد علينا", "كم يبعد المستشفى؟", "ar"),
    ],
)
async def test_the_standard_word_for_what_people_say_is_theirs(gate, said, question, language):
    assert await found(gate, question, said, language) == []


async def test_the_word_people_say_is_not_the_bots(gate):
    assert await found(gate, "Que font les flics ?", "La police passe.", "fr") == ["flics"]
    assert await found(gate, "What do the cops do?", "The police came.", "en") == ["cops"]


async def test_a_word_that_exists_is_not_held_for_a_misspelt_one(gate):
    assert await found(gate, "Que dit la prison ?", "Les gens ont un poison.", "fr") == ["prison"]
    said = "They want inclusion."
    assert await found(gate, "What about the occlusion?", said, "en") == ["occlusion"]


async def test_what_is_being_done_is_a_form_of_what_one_does(gate):
    said = "They burn tyres and cut the trees."
    assert await found(gate, "When do you see the burning and cutting?", said, "en") == []


@pytest.mark.parametrize(
    ("said", "question", "new"),
    [
        ("Sie sperrt die Straße ab.", "Wann sehen Sie das Absperren?", []),
        ("Man will die Straße absperren.", "Wo sperrt man dann ab?", []),
        ("Sie sperrt die Straße.", "Wann sehen Sie das Einsperren?", ["Einsperren"]),
        ("Die Straße ist weit.", "Wann sehen Sie das Absperren?", ["Absperren"]),
    ],
)
async def test_a_german_verb_may_stand_in_two_parts(gate, said, question, new):
    assert await found(gate, question, said, "de") == new


@pytest.mark.parametrize(
    ("said", "question", "new"),
    [
        ("tobis dima 3amer f lkhedma", "فأي وقت كيكون الطوبيس عامر؟", []),
        ("tobis dima 3amer f lkhedma", "شنو كيوقع فالخدمة؟", []),
        ("tobis dima 3amer f lkhedma", "شنو كيوقع فالمدرسة؟", ["فالمدرسة"]),
        ("bghina lma f douar", "شنو كيوقع فالعمالة؟", ["فالعمالة"]),
    ],
)
async def test_arabic_said_in_latin_letters_is_the_persons(gate, said, question, new):
    assert await found(gate, question, said, "ar") == new


@pytest.mark.parametrize(
    ("said", "question", "new"),
    [
        ("القهوة حاطة 40 كرسي", "إزاي مع الـ40 كرسي؟", []),
        ("رونديفو حتى لـ8 شهور", "كيفاش هاد 8 شهور؟", []),
        ("القهوة حاطة 40 كرسي", "إزاي مع الـ50 كرسي؟", ["الـ50"]),
    ],
)
async def test_what_arabic_writes_before_a_number_is_no_part_of_it(gate, said, question, new):
    assert await found(gate, question, said, "ar") == new


IN_LATIN = "Bghina terrain f l7ouma, drari kayl3bo lkora f zen9a mn 5 l 7."


@pytest.mark.parametrize(
    ("question", "new"),
    [
        ("Kifach kayl3bo drari daba?", []),
        ("Kifech kayl3abou drari dork?", []),
        ("3lach bghitiw terrain f l7ouma?", []),
        ("Chnou kayw9e3 f zen9a mn 5 l 7?", []),
        ("Chno kayw9e3 f lmedrasa?", ["lmedrasa"]),
        ("3lach lbaladiya katkdeb 3likom?", ["lbaladiya", "katkdeb"]),
        ("Kifach kayl3bo drari mn 5 l 9?", ["9"]),
        ("Comment jouent les enfants ?", ["jouent", "les", "enfants"]),
    ],
)
async def test_who_writes_arabic_in_latin_letters_is_asked_with_their_words(gate, question, new):
    assert await found(gate, question, IN_LATIN, "ar") == new


@pytest.mark.parametrize(
    ("said", "question", "new"),
    [
        ("Mini Chunde chömed nume mit em Auto, das isch eso.", "Was sagen Ihre Kunden?", []),
        ("D Poscht isch zue und niemer seit öppis.", "Was war die Post für Sie?", []),
        ("Mini Chunde chömed nume mit em Auto, das isch eso.", "Was sagt die Presse?", ["Presse"]),
        ("Meine Kunde kommen nur mit dem Auto.", "Was ist mit der Kante?", ["Kante"]),
    ],
)
async def test_a_german_dialect_is_answered_with_its_speakers_words(gate, said, question, new):
    assert await found(gate, question, said, "de") == new


@pytest.mark.parametrize(
    ("said", "question", "new"),
    [
        ("In der Kita fehlt Personal.", "Wo merken Sie das fehlende Personal?", []),
        ("Die Mieten steigen.", "Was bedeuten die steigenden Mieten für Sie?", []),
        ("Ich bin am Abend da.", "Wie ist das mit der Jugend?", ["Jugend"]),
    ],
)
async def test_what_does_something_in_german_is_of_its_verb(gate, said, question, new):
    assert await found(gate, question, said, "de") == new
