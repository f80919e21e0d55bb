"""A debate on record, and a console over it: for tests, and for the pictures in the docs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import httpx

from adapters.console import Checked, Console, Hall, Oidc, Options, Passwords, Store, serve
from adapters.console.server import bound
from adapters.console.store import Account
from adapters.scripted import ScriptedModel
from bot import wiring
from bot.agent import Agent
from bot.domain import Cafe, Delivery, Filter, Kind, Outcome, Review, Room
from bot.lab import Lab
from bot.proposals import STATES, as_csv, as_markdown
from bot.reviewing import NEUTRAL, STEERING, Reviewing, steering
from bot.service import Service
from storage.memory import MemoryRecord
from tests.conftest import Citizen, FakePlatform, service

PARK = Room("matrix", "!park:example.org")
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
PASSWORD = "a long enough password"
APPROVALS = Filter(kind="approval")
ROLES = ("viewer", "moderator", "auditor", "privacy-officer", "operator")
CAFE = Cafe(
    name="place-du-marche",
    state="open",
    topic="Que faire de la place du Marché ?",
    organiser="Ville de Bellerive",
    places=(PARK.address,),
)
NOTE = """cafe-socrate/9f2c4e11aa07bd5c
128
Q2hlY2twb2ludCBvZiBhIHRlc3QsIG5vdCBhIHJvb3Q=

— cafe-socrate/9f2c4e11aa07bd5c nyxKNAgtZXhhbXBsZS1zaWduYXR1cmU=
— witness.example.org 3kq1ZwgtYW5vdGhlci1leGFtcGxl
"""


class FakeLog:
    """A log as `bot.ports.Log` has it."""

    async def checkpoint(self) -> str:
        return NOTE

    async def vouched(self) -> str:
        return NOTE

    async def consistency(self, old: int, new: int) -> list[bytes]:
        raise NotImplementedError

    async def cosigned(self, note: str) -> None:
        raise NotImplementedError

    async def proof(self, seq: int) -> str:
        return f"c2sp.org/tlog-proof@v1\nindex {seq - 1}\n\n{NOTE}"


@dataclass
class Clock:
    """Tells a time that goes on only when it is asked to."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass(repr=False)  # asyncio writes results out, and this one is a book
class World:
    """A record with people in it, who may go on talking."""

    clock: Clock = field(default_factory=Clock)
    record: Any = None
    """One that forgets, if none is given."""
    service: Service = field(init=False)
    platform: FakePlatform = field(default_factory=lambda: FakePlatform(name="matrix"))
    people: dict[str, Citizen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.record = self.record or MemoryRecord(clock=self.clock)
        self.service = service(record=self.record)

    def person(self, name: str, room: Room = PARK) -> Citizen:
        known = self.people.get(name)
        if known is None:
            sender = Random(name).randbytes(8).hex()
            known = Citizen(self.service, self.platform, sender=sender, room=room)
            self.people[name] = known
        return known

    async def says(self, name: str, *texts: str) -> None:
        """Let the person *name* write *texts*, a while apart."""
        for text in texts:
            self.clock.pass_(minutes=7)
            person = self.person(name)
            message = replace(person.message(text), sent_at=self.clock() - timedelta(seconds=0.4))
            kept = await person.service.admit(message)
            await person.service.handle(kept, self.platform)

    async def last(self, kind: type) -> int:
        """Return the number of the newest entry of *kind*."""
        return [e.seq async for e in self.record.entries() if isinstance(e.event, kind)][-1]


FRENCH = (
    ("ana", "Il faudrait plus de bancs sur la place pour les anciens.", "Parce que ma mère marche mal et doit s'asseoir.", "récapituler", "je valide"),
    ("leo", "Je voudrais moins de voitures autour du marché.", "passer", "Le samedi matin on ne peut pas traverser avec une poussette."),
    ("zoe", "Les toilettes publiques sont fermées depuis deux ans.", "Les gens du quartier et les marchands.", "récapituler", "je valide"),
    ("max", "Quel parti est le meilleur pour la ville ?"),
    ("ines", "On pourrait planter des arbres pour avoir de l'ombre en été.", "je ne sais pas", "L'été dernier il faisait quarante degrés sur les pavés.", "récapituler", "je valide"),
    ("tom", "Gardons le marché comme il est, il marche bien.", "pourquoi"),
)  # fmt: skip
ARABIC = (
    ("salma", "أريد مقاعد أكثر في ساحة السوق لكبار السن.", "لأن أمي تمشي بصعوبة.", "تلخيص"),
    ("karim", "يجب تقليل السيارات حول السوق.", "يوم السبت لا نستطيع العبور."),
)
OTHERS = (
    ("ben", "We need a covered place for the market when it rains."),
    ("uta", "Auf dem Platz fehlen Fahrradständer.", "Weil alle Räder am Brunnen stehen."),
)
_YES = {"salma": "أوافق", "karim": "أوافق", "ben": "I agree", "uta": "ich stimme zu"}


async def filled(world: World | None = None) -> World:
    """Return *world*, or a new one, in which a debate went on for some weeks."""
    world = world or World()
    await world.record.append(CAFE)
    talks = [*FRENCH, *ARABIC, *OTHERS]
    for round_ in range(3):
        for number, (name, *texts) in enumerate(talks):
            world.clock.pass_(hours=5 + 3 * ((number + round_) % 4))
            who = f"{name}{round_ or ''}"
            await world.says(who, _YES.get(name, "j'accepte"), *texts)
    await steered(world)
    await _contested(world)
    await _reviewed(world)
    return world


async def steered(world: World) -> None:
    """Let a model word some questions, one of which is kept back."""
    lines = ["Ne pensez-vous pas que les anciens sont oubliés ?", "Pourquoi la mairie refuse-t-elle des bancs ?"]  # fmt: skip
    drafting = service(
        ScriptedModel(lambda _: lines[len(world.people) % 2]),
        record=world.record,
        model={"name": "ollama:tiny", "strategy": "draft"},
    )
    for name in ("paul", "rose"):
        world.person(name).service = drafting
        await world.says(name, "j'accepte", "Il faudrait plus de bancs en ville pour les anciens.")


async def _contested(world: World) -> None:
    await world.says("karim", "سؤال موجه")
    await world.says("leo", "question orientée")
    await world.says("rose", "question orientée")


async def _reviewed(world: World) -> None:
    asked = [
        e.seq
        async for e in world.record.entries()
        if getattr(getattr(e.event, "reply", None), "kind", None) is Kind.QUESTION
    ]
    chance = Random(5)
    for number, seq in enumerate(asked[:16]):
        finding = "leading" if number == 3 else "suggestion" if number == 9 else NEUTRAL
        await world.record.append(Review(turn=seq, moderator="mireille", finding=finding))
        again = finding if chance.random() < 0.9 else NEUTRAL
        await world.record.append(Review(turn=seq, moderator="jonas", finding=again))
    approved = [line.seq for line in await world.record.lines(APPROVALS, limit=9)]
    await world.record.append(Outcome(turn=approved[-1], state="adopted", note="Au budget 2027."))
    await world.record.append(Outcome(turn=approved[0], state="synthesis"))
    await world.record.append(Delivery(turn=asked[0], external_id="$late"))


def hall(world: World, options: Options, **others: Any) -> Hall:
    """Return what a console over *world* is given."""
    words = world.service.agent.book
    trying = replace(world.service, agent=Agent(words, None, "built-in"), record=MemoryRecord())
    given = {
        "record": world.record,
        "archive": world.record,
        "acts": Reviewing(
            record=world.record,
            archive=world.record,
            moderation=world.service.moderation,
            chance=Random(7),
        ),
        "trials": Lab(trying),
        "book": words,
        "masker": world.service.masker,
        "verify": lambda _: Checked(sound=True, entries=128, head="ok"),
        "steering": steering,
        "as_csv": as_csv,
        "as_markdown": as_markdown,
        "findings": (NEUTRAL, *STEERING),
        "states": STATES,
        "folders": wiring.folders(),
        "options": options,
        "log": FakeLog(),
        "clock": world.clock,
    }
    return Hall(**{**given, **others})


def accounts(store: Store, *, password: str = PASSWORD) -> None:
    """Keep an account for each role, called as the role; a moderator of nothing, and a stranger."""
    hashed = _hashed(password)
    for role in ROLES:
        debates = (CAFE.name,) if role == "moderator" else ()
        store.add(Account(name=role, roles=(role,), debates=debates, hash=hashed))
    store.add(Account(name="elsewhere", roles=("moderator",), debates=("other",), hash=hashed))
    store.add(Account(name="second", roles=("moderator",), debates=("*",), hash=hashed))


@cache
def _hashed(password: str) -> str:
    return Passwords.__dataclass_fields__["_hasher"].default_factory().hash(password)


@dataclass
class Browser:
    """Somebody at the console, without pictures: sends forms as a browser would."""

    console: Console
    client: httpx.AsyncClient

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def post(self, path: str, *, csrf: str | None = None, **form: str) -> httpx.Response:
        token = self.csrf if csrf is None else csrf
        headers = {"origin": self.console.origin}
        return await self.client.post(path, data={"csrf": token, **form}, headers=headers)

    @property
    def token(self) -> str:
        return self.client.cookies.get(self.console.cookie) or ""

    @property
    def csrf(self) -> str:
        session = self.console.store.session(self.token)
        return session.csrf if session else ""

    async def enter(self, name: str) -> Browser:
        """Log in without a password: hashing takes long, and is tested elsewhere."""
        self.client.cookies.set(self.console.cookie, self.console.store.log_in(name))
        return self


def browser(console: Console, address: str = "10.0.0.7") -> Browser:
    """Return a browser that reaches *console* from *address*."""
    way = httpx.ASGITransport(app=console, client=(address, 40000))
    return Browser(console, httpx.AsyncClient(transport=way, base_url=console.origin))


@contextmanager
def console(world: World, folder: Path, **others: Any) -> Iterator[Console]:
    """Keep a console over *world* whose accounts are in *folder*."""
    chosen = {name: others.pop(name) for name in tuple(others) if name in Options.__slots__}
    options = Options(accounts=folder / "console.db", **chosen)
    with closing(Store(options.accounts, world.clock)) as store:
        accounts(store)
        yield Console(hall(world, options, **others), store)


@contextmanager
def site(world: World, folder: Path, **others: Any) -> Iterator[Console]:
    """Serve a console over *world* on a free port of this machine."""
    where = bound("127.0.0.1", 0)
    port = where.getsockname()[1]
    with console(world, folder, port=port, **others) as made:
        loop = asyncio.new_event_loop()
        serving = loop.create_task(serve(made, where))
        thread = threading.Thread(target=lambda: _until_done(loop, serving))
        thread.start()
        try:
            yield made
        finally:
            loop.call_soon_threadsafe(serving.cancel)
            thread.join()
            where.close()


def _until_done(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()


def provider(issuer: str) -> Oidc:
    return Oidc(issuer=issuer, client="socrate", secret="between us")
