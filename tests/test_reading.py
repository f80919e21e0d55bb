from __future__ import annotations

import pytest

from bot.domain import Register
from bot.reading import Reader, Readers
from bot.text import plain
from prompts import load


@pytest.fixture(scope="module")
def readers() -> Readers:
    return Readers(load())


@pytest.fixture
def french(readers) -> Reader:
    return readers["fr"]


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("Les enfants attendent.", "who"),
        ("Dans ma rue il fait noir.", "where"),
        ("Le dimanche il n'y a rien.", "when"),
        ("C'est dur parce que le bus est plein.", "reason"),
        ("pcq le bus est plein", "reason"),
        ("Par exemple hier soir j'ai attendu.", "example"),
        ("Il en faut 3.", "number"),
    ],
)
def test_what_a_contribution_says_is_seen(french, text, aspect):
    assert aspect in french.read([text]).says


def test_digits_inside_a_word_are_no_number(readers):
    assert "number" not in readers["ar"].read(["3lach l7kouma"]).says


@pytest.mark.parametrize(
    "text", ["Il faut des bancs.", "faudrait des bancs", "Je propose des bancs"]
)
def test_a_proposal_is_told_from_a_complaint(french, text):
    assert french.read([text]).proposal
    assert not french.read(["Les bancs sont cassés."]).proposal


@pytest.mark.parametrize(
    ("text", "register"),
    [
        ("tu peux noter ça stp", Register.FAMILIAR),
        ("Pouvez-vous noter cela ?", Register.FORMAL),
        ("Plus de bancs.", Register.FORMAL),
    ],
)
def test_the_register_follows_the_person(french, text, register):
    assert french.read([text]).register is register


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "The Landlord and Tenant Act hurts housing in town."),
        ("en", "Getting big money out of politics would help schools."),
        ("de", "Mehr Platz für Radwege und Fußwege in der Stadt."),
        ("de", "Bessere Busse für Autobesitzer*innen und andere."),
        ("fr", "Des bus et des trams pour le centre."),
    ],
)
def test_half_of_a_pair_is_not_quoted(readers, language, said):
    slot = readers[language].read([said]).slot or ""
    for half in ("Landlord", "big money", "Autobesitzer", "Des bus"):
        assert not slot.endswith(half)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "Retraité à Brest, je vis les volets fermés à cause des bars."),
        ("fr", "Artisan plombier, mon camion est trop vieux pour entrer dans le centre."),
        ("en", "Retired teacher in Leeds, my bus never comes."),
        ("en", "Apprentice electrician, I pay too much for the bus."),
        ("de", "Krankenpfleger im Nachtdienst, ich finde keinen Parkplatz."),
    ],
)
def test_who_somebody_is_is_not_quoted(readers, language, said):
    slot = readers[language].read([said]).subject or ""
    assert not slot or slot not in said.partition(",")[0]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Support military families, please."),  # what is to be done
        ("en", "This tax is like a band aid on housing."),
        ("en", "Please change Public Law 62 for the city."),
        ("en", "I want the stupidest fucking bus line gone."),
        ("en", "The pro-choice, pro-life parent needs a doctor."),
        ("fr", "Ce bus est comme une boîte de sardines."),
        ("fr", "J'en ai assez de cette connerie de péage."),
        ("de", "Stattdessen bitte ein Radweg."),
        ("de", "Die Häuser brauchen kürzere Fahrplan-, und Tickets."),
        ("de", "Der Fahrplan 2026 ist neu."),
    ],
)
def test_neither_half_a_name_nor_a_figure_of_speech_is_quoted(readers, language, said):
    quoted = readers[language].quotes(said)
    for odd in ("Support", "band aid", "Law", "fucking", "pro", "boîte", "connerie", "Statt"):
        assert not [words for words in quoted if odd in words]
    assert not [words for words in quoted if words.endswith("Fahrplan")]


@pytest.mark.parametrize(
    ("language", "said", "quoted"),
    [
        ("en", "Cable television providers should show local news.", "Cable television providers"),
        ("en", "We need a safe crossing at the old school gate.", "the old school gate"),
        ("de", "Es braucht mehr Gehsteige im Ortskern.", "Gehsteige im Ortskern"),
    ],
)
def test_what_is_whole_is_quoted(readers, language, said, quoted):
    assert quoted in readers[language].quotes(said)


@pytest.mark.parametrize(
    ("language", "said", "greets"),
    [
        ("en", "test2123123", True),
        ("en", "test xid811", True),
        ("en", "test 811", True),
        ("en", "test jaosidfj", True),
        ("fr", "essai jqsdf", True),
        ("en", "CIOB testing", True),
        ("en", "Test the water in the river.", False),
        ("en", "bus 12", False),
        ("ar", "salam 9ahwa", False),
    ],
)
def test_a_trial_tells_nothing_yet(readers, language, said, greets):
    assert readers[language].read([said]).greets is greets


def test_the_same_word_again_and_again_is_one_word(readers):
    assert readers["en"].read(["ajisdfj " * 20]).brief


@pytest.mark.parametrize(
    ("language", "near", "far"),
    [
        ("fr", "Le bus passe trop tard.", "Le Sénat devrait être élu."),
        ("en", "The bus is late.", "The Senate should be elected."),
        ("de", "Der Bus kommt zu spät.", "Das Parlament sollte anders gewählt werden."),
        ("ar", "الحافلة تتأخر كل يوم.", "يجب انتخاب البرلمان بطريقة أخرى."),
    ],
)
def test_what_few_people_meet_is_told_from_everyday_life(readers, language, near, far):
    assert readers[language].read([near]).everyday
    assert not readers[language].read([far]).everyday


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("Il faudrait plus de bancs en ville pour les anciens.", "bancs en ville"),
        ("L'uniforme à l'école devrait être obligatoire.", "uniforme"),
        ("les trotinettes sa gene, les pistes cyclables c vide", "les pistes cyclables"),
    ],
)
def test_the_words_quoted_are_a_noun_group(french, text, quoted):
    subject = french.read([text]).subject
    assert subject and quoted in subject and subject in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "???",
        "1234",
        "aaaaaaah",
        "\ud800\ud800",
        "http://a.b/c",
        "de la du des",
        "🙂" * 50,
    ],
)
def test_nothing_is_quoted_that_reads_oddly(french, text):
    assert french.read([text]).slot is None


@pytest.mark.parametrize("language", ["fr", "en", "de", "ar"])
def test_reading_bears_any_text(readers, language):
    for text in ("", " ", "\x00", "\ud800", "x" * 25_000, "mot " * 8_000, "é\u0301" * 5_000):
        slot = readers[language].read([text]).slot
        assert slot is None or slot in text


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("fr", "Il faut plus de policiers.", "Il faut moins de policiers."),
        ("en", "Rents should be frozen.", "Rents should not be frozen."),
        ("de", "Man soll Autos verbieten.", "Man soll Autos nicht verbieten."),
        ("ar", "يجب بناء محطات نووية جديدة.", "يجب ألا نبني محطات نووية جديدة."),
    ],
)
def test_two_sides_of_an_issue_are_one_topic(readers, language, one, other):
    assert readers[language].read([one]).topic == readers[language].read([other]).topic


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "Je ne veux pas de la réforme des retraites."),
        ("fr", "Moins de voitures dans le centre-ville."),
        ("en", "Stop the plan for oil in our bay."),
        ("en", "I do not want my tax dollars wasted."),
        ("de", "Es darf keine Benachteiligung sozial Schwacher geben."),
        ("ar", "لا نريد بناء الطريق السريع"),
    ],
)
def test_what_a_sentence_denies_is_not_quoted_as_if_it_were_wanted(book, language, said):
    reader = Readers(book)[language]
    themes = plain(said).split()
    assert reader.quoting.best(said, themes, reader.asks) is None
    assert reader.quotes(said, reader.asks) == ()


@pytest.mark.parametrize(
    ("language", "said", "quoted"),
    [
        ("fr", "J'ai la maladie de Charcot. Il faut des bancs en ville.", "bancs en ville"),
        ("fr", "J'ai la maladie de Charcot. Je veux pouvoir choisir.", None),
        ("fr", "Les bassines c'est le vol de l'eau. Il faut arroser.", None),
        ("en", "We should keep the school bus. The swimming pool is cold.", "the school bus"),
        ("en", "The river is a public sewer for the water company.", None),
    ],
)
def test_what_is_quoted_as_wanted_stands_in_a_sentence_that_asks(readers, language, said, quoted):
    assert readers[language].read([said]).slot == quoted


def test_what_somebody_says_of_a_subject_is_not_quoted_as_its_name(readers):
    found = readers["fr"].read(["Les bassines c'est le vol de l'eau."]).subject
    assert found is None or "vol" not in found


def test_what_the_first_message_leaves_open_the_next_may_tell(readers):
    first, bus, trees = "you never listen", "the bus is late", "the trees are gone"
    read = readers["en"].read
    assert read([first, bus]).topic != read([first, trees]).topic
    assert read([first, bus]).topic == read([bus]).topic
