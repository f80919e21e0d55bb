"""What goes on record comes back the same, whatever people write."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import (
    Action,
    Answer,
    Attempt,
    Consent,
    Contest,
    Decision,
    Delivery,
    Draft,
    Finding,
    Kind,
    Label,
    Message,
    Move,
    Prompt,
    Reply,
    Review,
    Room,
    Source,
    Turn,
    Verdict,
)
from bot.errors import StorageError
from storage import codec

law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # cores are shared

NASTY = (
    "\ud800",
    "\udfff\ud800",
    "a\0b",
    "مرحبا \u202e\u200f",
    "e\u0301",
    "\\ud800",
    '"\\',
    "🙂",
    "\u2028",
)
ANY_TEXT = st.one_of(
    st.sampled_from(NASTY), st.text(), st.text(st.characters(categories=["Cs", "Lo"]))
)
TEXT = ANY_TEXT.filter(lambda text: json.loads(json.dumps(text)) == text)
"""Any string, save that a surrogate pair is the character it stands for."""
MAYBE = st.none() | TEXT
COUNT = st.integers(0, 2**53)
DATES = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 # Hypothesis adds the time zone
    datetime(9999, 12, 29),  # noqa: DTZ001 # likewise
    timezones=st.sampled_from(
        [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=23))]
    ),
)
ROOMS = st.builds(Room, TEXT, TEXT)


def tuples(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(values, max_size=2).map(tuple)


MESSAGES = st.builds(
    Message,
    id=TEXT,
    room=ROOMS,
    sender=TEXT,
    text=TEXT,
    sent_at=DATES,
    addressed=st.booleans(),
    language=MAYBE,
)
ANSWERS = st.builds(
    Answer, text=TEXT, model=TEXT, digest=TEXT, params=tuples(st.tuples(TEXT, TEXT))
)
PROMPTS = st.builds(
    Prompt, system=TEXT, user=TEXT, ref=TEXT, schema=st.none() | st.just({"type": "object"})
)
DRAFTS = st.builds(
    Draft,
    text=TEXT,
    move=st.sampled_from(Move),
    source=st.sampled_from(Source),
    frame=MAYBE,
    slot=MAYBE,
    prompt=TEXT,
    raw=TEXT,
    answer=st.none() | ANSWERS,
    asked=st.none() | PROMPTS,
)
FINDINGS = st.builds(
    Finding, rule=TEXT, label=st.sampled_from(Label), start=COUNT, end=COUNT, reason=TEXT
)
VERDICTS = st.builds(
    Verdict, policy=TEXT, decision=st.sampled_from(Decision), findings=tuples(FINDINGS)
)
REPLIES = st.none() | st.builds(
    Reply,
    room=ROOMS,
    to=TEXT,
    text=TEXT,
    kind=st.sampled_from(Kind),
    language=TEXT,
    actions=tuples(st.builds(Action, TEXT, TEXT)),
)
TURNS = st.builds(
    Turn,
    message=MESSAGES,
    language=TEXT,
    command=MAYBE,
    screening=tuples(VERDICTS),
    move=st.none() | st.sampled_from(Move),
    attempts=tuples(st.builds(Attempt, DRAFTS, tuples(VERDICTS))),
    reply=REPLIES,
    why=TEXT,
    ends=st.booleans(),
)
EVENTS = st.one_of(
    TURNS,
    st.builds(Consent, message=MESSAGES, granted=st.booleans(), notice=TEXT, reply=REPLIES),
    st.builds(Delivery, turn=COUNT, external_id=MAYBE, failure=MAYBE),
    st.builds(Contest, message=MESSAGES, turn=COUNT, reply=REPLIES),
    st.builds(Review, turn=COUNT, moderator=TEXT, finding=TEXT, note=TEXT),
)


@law
@given(EVENTS)
def test_every_event_comes_back_the_same(event):
    assert codec.decode(codec.encode(event)) == event


@law
@given(EVENTS)
def test_an_event_has_one_spelling(event):
    body = codec.encode(event)

    assert codec.encode(codec.decode(body)) == body
    assert body.isascii()
    assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")) == body


@law
@given(MESSAGES)
def test_every_message_comes_back_the_same(message):
    assert codec.decode_message(codec.encode_message(message)) == message


@law
@given(ANY_TEXT)
def test_a_surrogate_pair_comes_back_as_the_character_it_stands_for(text):
    review = Review(turn=1, moderator="m", finding=text)

    back = codec.decode(codec.encode(review))

    assert back.finding.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@law
@given(DATES)
def test_dates_are_kept_to_the_microsecond_in_utc(date):
    assert codec.moment(codec.stamp(date)) == date
    assert codec.moment(codec.stamp(date)).tzinfo is UTC
    assert len(codec.stamp(date)) == len("2027-01-31T09:30:00.000000Z")


def test_a_date_without_a_time_zone_is_refused():
    with pytest.raises(StorageError, match="time zone"):
        codec.stamp(datetime(2027, 1, 31))  # noqa: DTZ001 # the point of the test


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        "",
        "secret",
        "[]",
        "null",
        "{}",
        '{"kind":"secret"}',
        '{"kind":["turn"]}',
        '{"kind":"message","id":"secret"}',
        '{"kind":"turn","language":"secret"}',
        '{"kind":"delivery","turn":"secret"}',
    ],
)
@pytest.mark.parametrize("decode", [codec.decode, codec.decode_message])
def test_what_cannot_be_read_is_refused_without_repeating_it(decode, body):
    with pytest.raises(StorageError) as caught:
        decode(body)

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@law
@given(st.text())
def test_reading_raises_nothing_but_a_storage_error(body):
    with pytest.raises(StorageError):
        codec.decode(body)
    with pytest.raises(StorageError):
        codec.moment(body)
