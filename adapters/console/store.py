"""Accounts and sessions: a file of their own, so that the record knows nobody's password."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from typing import Any

from adapters.console.roles import ROLES
from bot.errors import ConfigError

_TABLES = """
create table if not exists account (
  name text primary key, hash text not null, subject text unique, roles text not null,
  debates text not null, at text not null) strict;
create table if not exists session (
  id text primary key, account text not null, began text not null, seen text not null) strict;
create table if not exists reading (
  session text not null, seq integer not null, until text not null,
  primary key (session, seq)) strict;
create table if not exists ticket (
  id text primary key, what text not null, until text not null) strict;
create table if not exists attempt (key text not null, at text not null) strict;
create index if not exists attempt_key on attempt (key, at);
create table if not exists version (
  digest text primary key, at text not null, files text not null) strict;
create table if not exists secret (name text primary key, value text not null) strict;
"""
IDLE = timedelta(hours=1)
"""How long a session stays open when nothing is done in it."""
READ_FOR = timedelta(minutes=15)
"""How long words may be shown again after their reading was put on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may log in."""

    name: str
    roles: tuple[str, ...]
    debates: tuple[str, ...] = ()
    """Names of the debates a moderator answers for; ``*`` for all."""
    hash: str = ""
    """Of the password, by argon2id; empty where they log in elsewhere."""
    subject: str = ""
    """Who they are to the OpenID provider (``sub``); empty for a local account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser in which somebody is logged in."""

    id: str
    account: Account
    csrf: str
    """Goes with each form, so that no other site can fill one in."""


class Store:
    """What the console itself remembers. Several processes may have it open.

    Raises:
        ConfigError: The file cannot be used.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime], *, hours: int = 8) -> None:
        """Open the file at *path*, readable by its owner alone; make it where there is none."""
        self._clock = clock
        self._longest = timedelta(hours=hours)
        self._lock = threading.Lock()
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self._db = sqlite3.connect(path, timeout=5, check_same_thread=False)
            self._db.isolation_level = None
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.executescript(_TABLES)
        except (OSError, sqlite3.Error) as exc:
            reason = getattr(exc, "strerror", None) or exc
            raise ConfigError(f"{path} cannot hold the console's accounts: {reason}.") from exc
        self._secret = self._kept_secret("csrf").encode()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def add(self, account: Account) -> None:
        """Keep *account*, in the place of one of its name.

        Raises:
            ConfigError: It has no role, or one that does not exist.
        """
        if not account.roles or not set(account.roles) <= ROLES.keys():
            raise ConfigError(f"An account needs a role: {', '.join(ROLES)}.")
        self._do(
            "insert or replace into account values (?, ?, ?, ?, ?, ?)",
            account.name,
            account.hash,
            account.subject or None,
            json.dumps(account.roles),
            json.dumps(account.debates),
            self._now(),
        )
        self._do("delete from session where account = ?", account.name)

    def remove(self, name: str) -> bool:
        """Forget the account *name*, and log it out; False if there was none."""
        self._do("delete from session where account = ?", name)
        return self._do("delete from account where name = ?", name) > 0

    def accounts(self) -> list[Account]:
        """Return all accounts by name."""
        return [_account(row) for row in self._rows("select * from account order by name")]

    def account(self, name: str) -> Account | None:
        """Return the account *name*, if there is one."""
        return next(map(_account, self._rows("select * from account where name = ?", name)), None)

    def known_as(self, subject: str) -> Account | None:
        """Return the account of whoever the OpenID provider calls *subject*."""
        rows = self._rows("select * from account where subject = ?", subject)
        return next(map(_account, rows), None) if subject else None

    def log_in(self, name: str) -> str:
        """Begin a session of the account *name*; return the token that its browser keeps."""
        token = secrets.token_urlsafe(32)
        now = self._now()
        self._do("insert into session values (?, ?, ?, ?)", _digest(token), name, now, now)
        return token

    def session(self, token: str) -> Session | None:
        """Return the session that *token* stands for, unless it is over; it is in use now."""
        rows = self._rows(
            "select a.*, s.id, s.began, s.seen from session s join account a on a.name = s.account "
            "where s.id = ?",
            _digest(token),
        )
        row = next(rows, None) if token else None
        if row is None:
            return None
        now = self._clock()
        began, seen = (datetime.fromisoformat(row[key]) for key in ("began", "seen"))
        if now - began > self._longest or now - seen > IDLE:
            self.log_out(token)
            return None
        if now - seen > timedelta(minutes=1):  # a write for each request would be one too many
            self._do("update session set seen = ? where id = ?", self._now(), row["id"])
        csrf = hmac(self._secret, token.encode(), sha256).hexdigest()
        return Session(id=row["id"], account=_account(row), csrf=csrf)

    def log_out(self, token: str) -> None:
        """End the session that *token* stands for."""
        self._do("delete from session where id = ?", _digest(token))
        self._do("delete from reading where session = ?", _digest(token))

    def may_show(self, session: Session, seq: int) -> bool:
        """Tell whether the reading of entry *seq* was put on record a short while ago."""
        found = self._rows(
            "select 1 from reading where session = ? and seq = ? and until > ?",
            session.id,
            seq,
            self._now(),
        )
        return next(found, None) is not None

    def shown(self, session: Session, seqs: Iterable[int]) -> None:
        """Remember that the reading of entries *seqs* is on record."""
        until = self._stamp(self._clock() + READ_FOR)
        for seq in seqs:
            self._do("insert or replace into reading values (?, ?, ?)", session.id, seq, until)

    def ticket(self, what: Mapping[str, str], minutes: int) -> str:
        """Keep *what* for whoever shows the returned token once, within *minutes*."""
        token = secrets.token_urlsafe(24)
        until = self._stamp(self._clock() + timedelta(minutes=minutes))
        self._do("delete from ticket where until < ?", self._now())
        self._do("insert into ticket values (?, ?, ?)", _digest(token), json.dumps(what), until)
        return token

    def redeem(self, token: str) -> dict[str, str] | None:
        """Return what was kept for *token*, which is then void."""
        rows = self._rows(
            "delete from ticket where id = ? and until > ? returning what",
            _digest(token),
            self._now(),
        )
        row = next(rows, None)
        return json.loads(row["what"]) if row else None

    def attempts(self, key: str, minutes: int) -> int:
        """Return how often *key* was tried in the last *minutes*."""
        since = self._stamp(self._clock() - timedelta(minutes=minutes))
        rows = self._rows("select count(*) n from attempt where key = ? and at > ?", key, since)
        return int(next(rows)["n"])

    def tried(self, keys: Iterable[str]) -> None:
        """Remember a try of *keys*; what is older than a day is forgotten."""
        self._do("delete from attempt where at < ?", self._stamp(self._clock() - timedelta(days=1)))
        for key in keys:
            self._do("insert into attempt values (?, ?)", key, self._now())

    def forgive(self, key: str) -> None:
        """Forget the tries of *key*."""
        self._do("delete from attempt where key = ?", key)

    def keep_version(self, digest: str, files: Mapping[str, str]) -> None:
        """Keep the words and rules *files*, called *digest*, if they are not known yet."""
        self._do(
            "insert or ignore into version values (?, ?, ?)", digest, self._now(), json.dumps(files)
        )

    def versions(self) -> list[tuple[str, str]]:
        """Return digest and time of each version of words and rules, newest first."""
        rows = self._rows("select digest, at from version order by at desc, digest")
        return [(row["digest"], row["at"]) for row in rows]

    def version(self, digest: str) -> dict[str, str]:
        """Return the files of the version *digest*; none if it is not known."""
        row = next(self._rows("select files from version where digest = ?", digest), None)
        return json.loads(row["files"]) if row else {}

    def _kept_secret(self, name: str) -> str:
        self._do("insert or ignore into secret values (?, ?)", name, secrets.token_hex(32))
        return str(next(self._rows("select value from secret where name = ?", name))["value"])

    def _do(self, statement: str, *values: Any) -> int:
        with self._lock:
            return self._db.execute(statement, values).rowcount

    def _rows(self, statement: str, *values: Any) -> Iterator[sqlite3.Row]:
        with self._lock:
            cursor = self._db.execute(statement, values)
            cursor.row_factory = sqlite3.Row
            return iter(cursor.fetchall())

    def _now(self) -> str:
        return self._stamp(self._clock())

    @staticmethod
    def _stamp(moment: datetime) -> str:
        return moment.isoformat(timespec="seconds")


@contextmanager
def opened(path: Path, clock: Callable[[], datetime]) -> Iterator[Store]:
    """Open the store at *path* for a command."""
    store = Store(path, clock)
    try:
        yield store
    finally:
        store.close()


def _account(row: sqlite3.Row) -> Account:
    return Account(
        name=row["name"],
        roles=tuple(json.loads(row["roles"])),
        debates=tuple(json.loads(row["debates"])),
        hash=row["hash"],
        subject=row["subject"] or "",
    )


def _digest(token: str) -> str:
    """Return what is kept of a token: whoever reads the file cannot use it."""
    return sha256(token.encode(errors="surrogatepass")).hexdigest()
