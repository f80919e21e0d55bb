"""A witness vouches for a record only as long as the record adds to what it was."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.witness import LONGEST, RemoteWitness, opened
from bot.errors import ConfigError, NoteError, StorageError, WitnessError
from bot.ports import Statement
from storage.merkle import consistency, inclusion, leaf_hash, root_of
from storage.notes import (
    Checkpoint,
    Kind,
    Signer,
    checkpoint,
    cosign,
    sign,
    signatures,
    tlog_proof,
    verifier,
)
from storage.witness import Witness, ask, remember, request, signer

SOCRATE = Path(sys.executable).with_name("socrate")
ORIGIN = "example.org/debate"
NOW = 1_800_000_000


def key(seed):
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


LOG = Signer(name=ORIGIN, kind=Kind.LOG, key=key(1))
SIGNER = Signer(name="example.net/witness", kind=Kind.WITNESS, key=key(2))


class MemoryLog:
    """A record that is only its leaves."""

    def __init__(self, *leaves, signer=LOG):
        self.hashes = [leaf_hash(leaf.encode()) for leaf in leaves]
        self.signer = signer
        self.kept = []

    def at(self, size):
        """Return the checkpoint of the first *size* leaves."""
        root = root_of(self.hashes[:size])
        return sign(Checkpoint(origin=self.signer.name, size=size, root=root), self.signer)

    def asks(self, old, new=None):
        """Return the request that shows the tree of *new* leaves to who saw *old* of them."""
        new = len(self.hashes) if new is None else new
        return request(old, consistency(self.hashes[:new], old), self.at(new))

    async def checkpoint(self):
        return self.at(len(self.hashes))

    async def consistency(self, old, new):
        return consistency(self.hashes[:new], old)

    async def proof(self, seq):
        return tlog_proof(seq - 1, inclusion(self.hashes, seq - 1), await self.checkpoint())

    async def vouched(self) -> str:
        raise NotImplementedError

    async def cosigned(self, note):
        self.kept.append(note)


HONEST = MemoryLog(*"abcdefghijk")
FORKED = MemoryLog(*"abcdeXghijk")


def witness(folder, *, logs=(LOG.verifier,)):
    memory = folder / "witness.db"
    if not memory.exists():
        remember(memory)
    return Witness(signer=SIGNER, logs=logs, memory=memory, clock=lambda: NOW)


async def test_a_witness_vouches_for_the_first_checkpoint_it_sees(tmp_path):
    answer = await witness(tmp_path).add(HONEST.asks(0, 5))

    assert answer.status == 200
    seen = signatures(HONEST.at(5) + answer.text, [SIGNER.verifier])
    assert [(one.verifier, one.at) for one in seen] == [(SIGNER.verifier, NOW)]


async def test_a_witness_vouches_for_what_only_adds_to_what_it_saw(tmp_path):
    seeing = witness(tmp_path)

    for old, new in ((0, 3), (3, 3), (3, 8), (8, 11)):
        assert (await seeing.add(HONEST.asks(old, new))).status == 200


async def test_a_witness_that_saw_more_or_less_says_how_much(tmp_path):
    seeing = witness(tmp_path)
    await seeing.add(HONEST.asks(0, 5))

    for old in (0, 3, 8):
        answer = await seeing.add(HONEST.asks(old, 11))
        assert (answer.status, answer.text, answer.kind) == (409, "5\n", "text/x.tlog.size")


async def test_a_witness_never_goes_back(tmp_path):
    seeing = witness(tmp_path)
    await seeing.add(HONEST.asks(0, 8))

    assert (await seeing.add(HONEST.asks(0, 5))).status == 409
    assert (await seeing.add(request(8, (), HONEST.at(5)))).status == 400
    assert (await seeing.add(HONEST.asks(8, 9))).status == 200


async def test_a_rewritten_past_is_refused(tmp_path):
    seeing = witness(tmp_path)
    await seeing.add(HONEST.asks(0, 8))

    assert (await seeing.add(FORKED.asks(8, 11))).status == 422
    assert (await seeing.add(FORKED.asks(8, 8))).status == 409
    assert (await seeing.add(request(8, [b"\0" * 32], HONEST.at(8)))).status == 422
    assert (await seeing.add(HONEST.asks(8, 11))).status == 200


async def test_only_known_records_with_their_own_key_are_vouched_for(tmp_path):
    seeing = witness(tmp_path)
    stranger = Signer(name="example.org/other", kind=Kind.LOG, key=key(1))
    thief = Signer(name=ORIGIN, kind=Kind.LOG, key=key(3))

    assert (await seeing.add(MemoryLog("a", signer=stranger).asks(0))).status == 404
    assert (await seeing.add(MemoryLog("a", signer=thief).asks(0))).status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 0\n",
        HONEST.asks(0, 3).replace(b"old 0", b"old 00"),
        HONEST.asks(0, 3).replace(b"old 0", b"old -1"),
        HONEST.asks(0, 3).replace(b"old 0", b"new 0"),
        HONEST.asks(0, 3).replace(b"old 0", b"old 0" + (b"\n" + b"A" * 43 + b"=") * 64),
        HONEST.asks(0, 3)[:-1],
        HONEST.asks(0, 3).replace(b"\n3\n", b"\n3 \n"),
    ],
)
async def test_a_malformed_request_is_told_so(tmp_path, body):
    seeing = witness(tmp_path)

    assert (await seeing.add(body)).status == 400
    assert (await seeing.add(HONEST.asks(0, 3))).status == 200


async def test_a_proof_where_there_is_nothing_to_prove_is_refused(tmp_path):
    body = HONEST.asks(0, 3).replace(b"old 0", b"old 0\n" + b"A" * 43 + b"=")

    assert (await witness(tmp_path).add(body)).status == 422


async def test_a_witness_remembers_over_a_restart(tmp_path):
    await witness(tmp_path).add(HONEST.asks(0, 8))

    again = witness(tmp_path)

    assert (await again.add(FORKED.asks(0, 8))).text == "8\n"
    assert (await again.add(HONEST.asks(8, 9))).status == 200


async def test_logs_under_one_witness_do_not_mix(tmp_path):
    other = Signer(name="example.org/other", kind=Kind.LOG, key=key(4))
    seeing = witness(tmp_path, logs=[LOG.verifier, other.verifier])
    await seeing.add(HONEST.asks(0, 8))

    assert (await seeing.add(MemoryLog("x", signer=other).asks(0))).status == 200


async def test_a_key_that_was_changed_is_believed_beside_the_old_one(tmp_path):
    newer = Signer(name=ORIGIN, kind=Kind.LOG, key=key(5))
    seeing = witness(tmp_path, logs=[LOG.verifier, newer.verifier])
    await seeing.add(HONEST.asks(0, 5))

    assert (await seeing.add(MemoryLog(*"abcdefgh", signer=newer).asks(5))).status == 200


async def test_two_stories_told_at_once_are_never_both_believed(tmp_path):
    """Two processes, one memory, many requests of two forks at the same time."""
    both = [witness(tmp_path), witness(tmp_path)]
    await both[0].add(HONEST.asks(0, 5))
    bodies = [log.asks(5, new) for log in (HONEST, FORKED) for new in range(6, 12)]

    answers = await asyncio.gather(
        *(one.add(body) for body in bodies for one in both for _ in range(2))
    )

    told = [
        body for body, answer in zip(_each(bodies), answers, strict=True) if answer.status == 200
    ]
    roots = {checkpoint(body.decode().partition("\n\n")[2]).root for body in told}
    assert len(roots) == 1


def _each(bodies):
    return [body for body in bodies for _ in range(4)]


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([HONEST, FORKED]), st.integers(0, 11), st.integers(0, 11)),
        max_size=12,
    )
)
def test_whatever_it_is_asked_all_that_a_witness_vouched_for_is_one_story(steps):
    vouched = []

    async def run(seeing):
        for log, old, new in steps:
            proof = consistency(log.hashes[:new], min(old, new))
            if (await seeing.add(request(old, proof, log.at(new)))).status == 200:
                vouched.append((log, new))

    with TemporaryDirectory() as folder:
        asyncio.run(run(witness(Path(folder))))

    sizes = [size for _, size in vouched]
    assert sizes == sorted(sizes)
    assert len({id(log) for log, size in vouched if size > 5}) <= 1


@settings(max_examples=60, deadline=None)
@given(body=st.binary() | st.text().map(lambda text: f"old 0\n\n{text}".encode("utf-8", "replace")))
def test_whatever_is_sent_the_witness_answers(body):
    with TemporaryDirectory() as folder:
        answer = asyncio.run(witness(Path(folder)).add(body))

    assert answer.status in {400, 404}


async def test_what_cannot_be_remembered_is_not_vouched_for(tmp_path):
    seeing = witness(tmp_path)
    (tmp_path / "witness.db").unlink()

    with pytest.raises(StorageError):
        await seeing.add(HONEST.asks(0, 5))

    assert not (tmp_path / "witness.db").exists()


def test_a_witness_without_its_memory_does_not_start(tmp_path):
    files = (tmp_path / "witness.key", tmp_path / "witness.db")
    first = signer("example.net/witness", *files)

    assert signer("example.net/witness", *files).verifier == first.verifier
    files[1].unlink()
    with pytest.raises(ConfigError, match="memory"):
        signer("example.net/witness", *files)


def test_the_witness_key_is_for_its_owners_eyes(tmp_path):
    signer("example.net/witness", tmp_path / "witness.key", tmp_path / "witness.db")

    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "two words", "a+b"])
def test_a_witness_needs_a_name_that_fits_a_signature(tmp_path, name):
    with pytest.raises(ConfigError, match=r"witness\.name"):
        signer(name, tmp_path / "witness.key", tmp_path / "witness.db")


def test_another_database_is_not_taken_for_a_memory(tmp_path):
    memory = tmp_path / "record.db"
    with closing(sqlite3.connect(memory)) as other:
        other.execute("CREATE TABLE entry (seq)")

    with pytest.raises(ConfigError, match="memory of a witness"):
        Witness(signer=SIGNER, logs=[], memory=memory, clock=lambda: NOW)


# Asking


async def test_what_a_witness_says_is_kept_with_the_checkpoint(tmp_path):
    log = MemoryLog(*"abcdefg")

    seen = await ask(log, witness(tmp_path), SIGNER.verifier)

    assert (seen.witness, seen.size, seen.at) == (SIGNER.name, 7, NOW)
    assert [one.at for one in signatures(log.kept[0], [SIGNER.verifier])] == [NOW]


async def test_a_witness_that_saw_an_earlier_state_is_shown_what_was_added(tmp_path):
    seeing = witness(tmp_path)
    await seeing.add(HONEST.asks(0, 4))

    assert (await ask(HONEST, seeing, SIGNER.verifier)).size == 11
    assert (await ask(HONEST, seeing, SIGNER.verifier)).size == 11


async def test_a_record_cut_with_its_checkpoints_is_found_by_the_witness(tmp_path):
    seeing = witness(tmp_path)
    await ask(HONEST, seeing, SIGNER.verifier)
    cut = MemoryLog(*"abcdefgh")

    with pytest.raises(WitnessError, match="seen 11 entries, the record has 8"):
        await ask(cut, seeing, SIGNER.verifier)

    assert cut.kept == []


@pytest.mark.parametrize("leaves", ["abcdeXghijk", "abcdeXghijklm"])
async def test_a_rewritten_record_is_found_by_the_witness(tmp_path, leaves):
    seeing = witness(tmp_path)
    await ask(HONEST, seeing, SIGNER.verifier)

    with pytest.raises(WitnessError, match="rewritten"):
        await ask(MemoryLog(*leaves), seeing, SIGNER.verifier)


async def test_a_witness_that_does_not_know_the_record_is_named(tmp_path):
    with pytest.raises(WitnessError, match="does not know"):
        await ask(HONEST, witness(tmp_path, logs=[]), SIGNER.verifier)


class Says:
    """A witness that gives one answer to everything."""

    def __init__(self, text, status=200):
        self.statement = Statement(status=status, text=text)

    async def add(self, request):
        return self.statement


OTHER = Checkpoint(origin=ORIGIN, size=99, root=b"\7" * 32)
IMPOSTOR = Signer(name=SIGNER.name, kind=Kind.WITNESS, key=key(9))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thank you\n",
        cosign(sign(OTHER, LOG), SIGNER, NOW),  # of another checkpoint
        cosign(HONEST.at(11), IMPOSTOR, NOW),  # of another key
        # Another checkpoint below the one that was asked about, which it would replace.
        f"\n{OTHER.text}\n{cosign(sign(OTHER, LOG), SIGNER, NOW)}",
    ],
)
async def test_only_a_true_signature_of_the_newest_checkpoint_is_kept(text):
    log = MemoryLog(*"abcdefghijk")

    with pytest.raises((WitnessError, NoteError)):
        await ask(log, Says(text), SIGNER.verifier)

    assert log.kept == []


async def test_lines_of_other_keys_in_an_answer_are_left_aside():
    log = MemoryLog(*"abcdefghijk")
    mine = cosign(HONEST.at(11), SIGNER, NOW)

    await ask(log, Says(f"— stranger AAAAAAAA\n\nwhat\n{mine}"), SIGNER.verifier)

    assert log.kept == [HONEST.at(11) + mine]


@pytest.mark.parametrize("said", ["", "many\n", "-1\n", "12"])
async def test_a_witness_that_contradicts_itself_ends_in_a_clear_error(said):
    with pytest.raises((WitnessError, NoteError)):
        await ask(HONEST, Says(said, 409), SIGNER.verifier)


# Over HTTP


async def test_a_witness_is_asked_over_http(tmp_path):
    log = MemoryLog(*"abcdefg")

    async with opened(witness(tmp_path), "127.0.0.1", 0) as url:
        seen = await ask(log, RemoteWitness(url, 10), SIGNER.verifier)
        conflict = await RemoteWitness(url + "/", 10).add(log.asks(3))

    assert seen.size == 7
    assert (conflict.status, conflict.kind) == (409, "text/x.tlog.size")


async def test_a_request_beyond_measure_is_refused(tmp_path):
    async with opened(witness(tmp_path), "127.0.0.1", 0) as url:
        answer = await RemoteWitness(url, 10).add(b"o" * (LONGEST + 1))

    assert answer.status == 413


async def test_a_witness_that_cannot_remember_gives_nothing_away(tmp_path):
    seeing = witness(tmp_path)
    async with opened(seeing, "127.0.0.1", 0) as url:
        (tmp_path / "witness.db").unlink()
        answer = await RemoteWitness(url, 10).add(HONEST.asks(0))

    assert (answer.status, str(tmp_path) in answer.text) == (503, False)


class Silent:
    """A witness that never answers."""

    async def add(self, request):
        await asyncio.Event().wait()


async def test_a_silent_witness_is_not_waited_for():
    async with opened(Silent(), "127.0.0.1", 0) as url:
        with pytest.raises(WitnessError, match="did not answer"):
            await RemoteWitness(url, 0.1).add(b"")


async def test_a_witness_that_says_too_much_is_cut_short():
    async with opened(Says("x" * (LONGEST + 1)), "127.0.0.1", 0) as url:
        with pytest.raises(WitnessError, match="more than"):
            await RemoteWitness(url, 10).add(b"")


async def test_a_witness_that_is_not_there_is_named():
    with pytest.raises(WitnessError, match=r"127\.0\.0\.1:9"):
        await RemoteWitness("http://127.0.0.1:9", 10).add(b"")


async def test_a_place_that_is_taken_is_named(tmp_path):
    async with opened(witness(tmp_path), "127.0.0.1", 0) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(ConfigError, match=str(port)):
            async with opened(witness(tmp_path), "127.0.0.1", port):
                pass


# The command line


def socrate(*words, folder):
    return subprocess.run(
        [SOCRATE, *words], capture_output=True, cwd=folder, timeout=60, check=False, text=True
    )


def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    setup = f'[witness]\nname = "{SIGNER.name}"\nlogs = ["{LOG.verifier.text}"]\nport = 0\n'
    (tmp_path / "socrate.toml").write_text(setup, "utf-8")
    for known, log in ((0, MemoryLog(*"abc")), (3, MemoryLog(*"abcdef"))):
        with subprocess.Popen(
            [SOCRATE, "witness", "serve"], stdout=subprocess.PIPE, cwd=tmp_path, text=True
        ) as served:
            text, url = served.stdout.readline().split()
            answer = asyncio.run(RemoteWitness(url, 30).add(log.asks(known)))
            served.send_signal(signal.SIGTERM)

        assert served.returncode == 0
        assert signatures(log.at(len(log.hashes)) + answer.text, [verifier(text)])


def test_a_mistaken_key_in_the_settings_is_named(tmp_path):
    (tmp_path / "socrate.toml").write_text('[witness]\nname = "a"\nlogs = ["nothing"]\n', "utf-8")

    done = socrate("witness", "serve", folder=tmp_path)

    assert (done.returncode, "witness.logs" in done.stderr) == (2, True)


def test_who_names_no_witness_is_told_so(tmp_path):
    done = socrate("witness", "ask", folder=tmp_path)

    assert (done.returncode, "witness.asked" in done.stderr) == (2, True)


def test_the_records_verifier_key_can_be_had(tmp_path):
    assert socrate("witness", "key", folder=tmp_path).returncode == 2
    socrate("db", "upgrade", folder=tmp_path)

    done = socrate("witness", "key", folder=tmp_path)

    found = verifier(done.stdout.strip())
    assert (found.kind, found.name[:13]) == (Kind.LOG, "cafe-socrate/")
