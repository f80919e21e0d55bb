"""The verifier that shares no code with the program, on records that share none with it either."""

from __future__ import annotations

import ast
import importlib.util
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from storage.merkle import inclusion, leaf_hash
from storage.notes import tlog_proof
from storage.tiles import export

# Damage is done with SQL of the tests, and by chance that comes again.
# ruff: noqa: S311, S608
from tests.record_writer import Record, canonical, inside, root, sample

TOOL = Path(__file__).parents[1] / "tools" / "verify_record.py"
MADE = importlib.util.spec_from_file_location("verify_record", TOOL)
verifier = importlib.util.module_from_spec(MADE)
sys.modules["verify_record"] = verifier
MADE.loader.exec_module(verifier)

SMALL = 24
LARGE = 1000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a small and a large record, written once; tests copy them."""
    folder = tmp_path_factory.mktemp("records")
    return {n: sample(n).write(folder, name=f"{n}.db") for n in (SMALL, LARGE)}


@pytest.fixture
def files(made, tmp_path):
    return copied(made[SMALL], tmp_path)


@pytest.fixture
def large(made, tmp_path):
    return copied(made[LARGE], tmp_path)


def copied(files, folder):
    new = type(files)(**{**vars(files), "db": folder / "record.db"})
    shutil.copyfile(files.db, new.db)
    return new


def given(files, *, decrypting=False, **more):
    return verifier.Given(
        key=verifier.read_key(files.key),
        epochs=verifier.read_epochs(files.epochs) if decrypting else None,
        witnesses=(verifier.read_key(files.witness),),
        **more,
    )


def faults(files, *, decrypting=False, **more):
    return verifier.verify(files.db, given(files, decrypting=decrypting, **more)).faults


def changed(files, *statements, values=()):
    with closing(sqlite3.connect(files.db)) as db, db:
        for statement in statements:
            db.execute(statement, values)


@pytest.mark.parametrize("entries", [1, 2, 7, 255, 256, 257, 600])
@pytest.mark.parametrize("decrypting", [False, True])
def test_a_sound_record_is_found_sound(tmp_path, entries, decrypting):
    record = sample(entries)
    files = record.write(tmp_path)

    report = verifier.verify(files.db, given(files, decrypting=decrypting))

    assert report.faults == []
    assert (report.entries, report.root) == (entries, root(record.hashes))


def test_an_empty_record_is_sound(tmp_path):
    files = Record().write(tmp_path)

    report = verifier.verify(files.db, verifier.Given(key=verifier.read_key(files.key)))

    assert (report.faults, report.root.hex()[:8]) == ([], "e3b0c442")


def test_a_record_beyond_two_levels_of_tiles_is_found_sound(tmp_path):
    """65,793 entries: the second level of tiles has one that is full."""
    record = Record()
    record.add({"kind": "cafe", "name": "trees"})
    first = record.entries[0]
    commits = json.loads(first["leaf"])["commits"]
    for seq in range(2, 65_794):
        leaf = b'{"commits":%s,"kind":"cafe","seq":%d,"ts":"2027-01-31T09:30Z","v":1}' % (
            canonical(commits),
            seq,
        )
        record.entries.append({**first, "seq": seq, "leaf": leaf})
    record.keep(65_792)
    files = record.write(tmp_path)

    report = verifier.verify(files.db, verifier.Given(key=verifier.read_key(files.key)))

    assert report.faults == []
    assert (1, 0) in record.tiles()


DAMAGE = [
    ("UPDATE entry SET leaf = replace(leaf, '\"v\":1', '\"v\":2') WHERE seq = 5", "entry 5"),
    ("UPDATE entry SET leaf = NULL WHERE seq = 5", "entry 5: its leaf is no header"),
    ("UPDATE entry SET leaf = CAST('{' AS BLOB) WHERE seq = 5", "entry 5: its leaf is no header"),
    ("UPDATE entry SET leaf = 7 WHERE seq = 5", "entry 5: its leaf is no header"),
    ("DELETE FROM entry WHERE seq = 5", "entry 5: is missing"),
    ("DELETE FROM entry WHERE seq BETWEEN 5 AND 8", "entry 5–8: is missing"),
    ("DELETE FROM entry WHERE seq = 1", "entry 1: is missing"),
    ("DELETE FROM entry WHERE seq = 24", "head: is of 24 entries, the record has 23: it was cut"),
    ("DELETE FROM entry WHERE seq > 5", "checkpoint 8: is of 8 entries"),
    ("UPDATE entry SET seq = 99 WHERE seq = 24", "entry 24–98: is missing"),
    ("UPDATE entry SET kind = 'turn' WHERE seq = 1", "entry 1: its column kind"),
    ("UPDATE entry SET said = 'notice' WHERE seq = 9", "entry 9: its column said"),
    ("UPDATE entry SET turn = 2 WHERE seq = 10", "entry 10: its column turn"),
    ("UPDATE entry SET at = '2027-01-31T09:31:12.000001Z' WHERE seq = 5", "entry 5: its column at"),
    ("UPDATE entry SET at = NULL WHERE seq = 5", "entry 5: its column at"),
    ("UPDATE entry SET at = '2027-01-31T09:30:12.000001Z' WHERE seq = 3", "entry 3: its column at"),
    (
        "UPDATE entry SET body = NULL WHERE seq = 5",
        "entry 5: its words are gone, and no later entry",
    ),
    ("UPDATE entry SET body = x'00' WHERE seq = 3", "entry 3: entry 24 says it was erased"),
    ("UPDATE entry SET key = 99 WHERE seq = 5", "entry 5: its key 99 is not there"),
    ("DELETE FROM key WHERE id = 2", "its key 2 is not there"),
    ("DELETE FROM head", "head: there are 0 newest checkpoints"),
    ("INSERT INTO head SELECT 2, size, note FROM head", "head: there are 2 newest checkpoints"),
    ("UPDATE head SET size = 7", "head: it says size 24"),
    ("UPDATE head SET note = replace(note, '24', '23')", "head: bears a false signature"),
    ("UPDATE head SET note = 'x'", "head: is not a signed note"),
    ("UPDATE head SET note = x'ff'", "head: is not text"),
    ("UPDATE head SET note = NULL", "head: is not a signed note"),
    ("DELETE FROM checkpoint WHERE size = 12", "witness example.net/witness: vouches for no"),
    (
        "UPDATE checkpoint SET note = replace(note, char(10, 56, 10), char(10, 57, 10)) WHERE size = 8",
        "checkpoint 8: it says size 9",
    ),
    (
        "UPDATE checkpoint SET note = substr(note, 1, length(note) - 9) || 'AAAAAA==' || char(10)",
        "checkpoint 12: bears a false signature of example.net/witness",
    ),
    ("INSERT INTO tile VALUES (0, 0, x'00')", "tile 0/0: has no leaves below it"),
    ("INSERT INTO tile VALUES (NULL, 0, x'00')", "is no place in a tree"),
    ("ALTER TABLE entry DROP COLUMN leaf", "table entry: has no column leaf"),
    ("ALTER TABLE head RENAME TO other", "table head: has no column note"),
    ("DROP TABLE tile", "table tile: has no column hashes"),
]


@pytest.mark.parametrize(("statement", "expected"), DAMAGE)
def test_damage_is_named_with_its_place(files, statement, expected):
    changed(files, statement)

    assert [fault for fault in faults(files) if expected in fault], faults(files)


DAMAGE_TO_WORDS = [
    ("UPDATE entry SET sender = 'p9' WHERE seq = 5", "entry 5: its commitment to who"),
    ("UPDATE entry SET sender = NULL WHERE seq = 5", "entry 5: its commitment to who"),
    ("UPDATE entry SET message_id = 7 WHERE seq = 5", "entry 5: its commitment to who"),
    (
        "UPDATE entry SET at = replace(at, ':12.', ':13.') WHERE seq = 5",
        "entry 5: its commitment to who",
    ),
    ("UPDATE entry SET room = 'x' WHERE seq = 5", "entry 5: its commitment to where"),
    ("UPDATE entry SET debate = NULL WHERE seq = 5", "entry 5: its commitment to where"),
    ("UPDATE entry SET command = 'stop' WHERE seq = 4", "entry 4: its column command"),
    ("UPDATE entry SET ends = 1 WHERE seq = 4", "entry 4: its column ends"),
    ("UPDATE entry SET body = x'00' WHERE seq = 5", "entry 5: its words cannot be decrypted"),
    ("UPDATE entry SET body = 'text' WHERE seq = 5", "entry 5: its words cannot be decrypted"),
    (
        "UPDATE entry SET body = (SELECT body FROM entry WHERE seq = 9) WHERE seq = 5",
        "entry 5: its words cannot be decrypted",
    ),
    ("UPDATE key SET wrapped = x'00' WHERE id = 1", "key 1: cannot be unwrapped with epoch 1"),
    ("UPDATE key SET epoch = 2 WHERE id = 1", "key 1: cannot be unwrapped with epoch 2"),
    (
        "UPDATE key SET wrapped = (SELECT wrapped FROM key WHERE id = 2) WHERE id = 1",
        "key 1: cannot be unwrapped",
    ),
    ("UPDATE inbox SET event_id = '$other'", "inbox 1: what waits there cannot be decrypted"),
    ("UPDATE inbox SET message = x'00'", "inbox 1: what waits there cannot be decrypted"),
]


@pytest.mark.parametrize(("statement", "expected"), DAMAGE_TO_WORDS)
def test_damage_to_words_is_named_with_its_place(files, statement, expected):
    changed(files, statement)

    found = faults(files, decrypting=True)

    assert [fault for fault in found if expected in fault], found


def test_a_person_without_the_keys_is_told_what_was_not_checked(files):
    told = verifier.verify(files.db, given(files)).told

    assert any("--epochs" in line for line in told)


def test_every_fault_is_named_not_only_the_first(large):
    changed(
        large,
        "UPDATE entry SET leaf = x'00' WHERE seq IN (5, 600)",
        "DELETE FROM tile WHERE position = 1",
    )

    found = "\n".join(faults(large))

    for place in (
        "entry 5:",
        "entry 600:",
        "tile 0/0:",
        "tile 0/1:",
        "tile 0/2:",
        "head:",
        "checkpoint 333:",
    ):
        assert place in found


def test_words_of_another_kind_than_their_header_are_found(tmp_path):
    record = sample(5)
    record.add({"kind": "turn", "reply": None}, header={"kind": "consent"})
    record.entries[-1]["kind"] = "consent"
    files = record.write(tmp_path)

    assert faults(files, decrypting=True) == [
        "entry 6: its words are of another kind than its header says"
    ]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"text": "what somebody wrote"}, "its header has 'text', which is no key"),
        ({"said": 7}, "its header's said is not as it must be"),
        ({"depth": 1.5}, "its leaf is no header"),
        ({"depth": True}, "its header's depth is not as it must be"),
        ({"seq": 99}, "its column seq does not agree with its header"),
        ({"ts": "2027-13-31T09:30Z"}, "its header's ts is not as it must be"),
        ({"kind": "gossip"}, "its header's kind is not as it must be"),
        ({"commits": {"who": "x"}}, "its header's commits is not as it must be"),
        ({"model": {"name": "x"}}, "its header's model is not as it must be"),
        ({"verdicts": [["deny"]]}, "its header's verdicts is not as it must be"),
        ({"erased": [99]}, "says that entry 99 was erased, a later one"),
        ({"erased": [6]}, "says that entry 6 was erased, a later one"),
    ],
)
def test_a_header_that_is_signed_but_not_sane_is_found(tmp_path, header, expected):
    record = sample(5)
    record.add({"kind": "cafe", "name": "trees"}, header=header)
    files = record.write(tmp_path)

    assert [fault for fault in faults(files) if fault == f"entry 6: {expected}"], faults(files)


def test_a_header_that_says_the_same_key_twice_is_found(tmp_path):
    record = sample(5)
    entry = record.entries[0]
    entry["leaf"] = entry["leaf"].replace(b'"v":1', b'"seq":1,"v":1')
    files = record.write(tmp_path)

    assert "entry 1: its leaf is no header" in faults(files)


def test_a_header_written_in_another_order_is_read_all_the_same(tmp_path):
    record = Record()
    for name in ("trees", "parks"):
        record.add({"kind": "cafe", "name": name})
    entry = record.entries[0]
    entry["leaf"] = json.dumps(dict(reversed(json.loads(entry["leaf"]).items()))).encode()
    files = record.write(tmp_path)

    assert verifier.verify(files.db, verifier.Given(key=verifier.read_key(files.key))).faults == []


def test_another_key_does_not_sign_for_the_record(files, tmp_path):
    (tmp_path / "other").mkdir()
    other = sample(SMALL, seed=2).write(tmp_path / "other")

    found = faults(type(files)(**{**vars(files), "key": other.key}))

    assert "head: is not signed by the record's key" in found


def test_without_a_key_no_record_is_sound(files):
    assert any(
        fault.startswith("key: none")
        for fault in verifier.verify(files.db, verifier.Given()).faults
    )


def test_the_record_of_another_debate_is_not_taken_for_this_one(files):
    key = verifier.read_key(files.key)

    named = verifier.Key(public=key.public, name="example.org/other")

    assert any(
        "not of example.org/other" in f
        for f in verifier.verify(files.db, verifier.Given(key=named)).faults
    )


def test_a_record_cut_together_with_its_checkpoints_is_found_by_a_witnessed_one(tmp_path):
    """Inside, nothing shows: what a witness signed does."""
    record = sample(SMALL)
    record.keep(20, cosigned_at=1_800_000_000)
    del record.entries[18:]
    files = record.write(tmp_path)

    found = faults(files)

    assert "checkpoint 20: is of 20 entries, the record has 18: it was cut" in found


def test_a_view_in_place_of_a_table_is_not_read(files):
    endless = (
        "WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n) SELECT seq FROM n"
    )
    changed(files, "DROP TABLE entry", f"CREATE VIEW entry AS {endless}")

    assert "table entry: has no column leaf" in faults(files)


def test_an_entry_without_leaf_and_key_does_not_end_the_reading(files):
    changed(files, "UPDATE entry SET leaf = NULL, key = 99 WHERE seq = 5")

    found = faults(files, decrypting=True)
    assert any(fault.startswith("entry 5: its leaf is no header") for fault in found)
    assert not any(fault.startswith("database") for fault in found)


# Every byte


def dump(path):
    """Return what the log vouches for in the database at *path*; None if it cannot be read.

    It does not vouch for the places of entries whose salts were erased, for signatures of witnesses
    whose keys are not given, nor for the mailbox.
    """
    where = "at, kind, platform, room, debate, sender, message_id, said, ends, turn, command"
    queries = (
        f"SELECT seq, leaf, body, key, {where} FROM entry WHERE body IS NOT NULL",
        "SELECT seq, leaf FROM entry",
        "SELECT id, epoch, wrapped FROM key",
        "SELECT size, note FROM head",
        "SELECT size, substr(note, 1, instr(note, char(10) || char(10))) FROM checkpoint",
        "SELECT level, position, hashes FROM tile ORDER BY level, position",
    )
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            db.text_factory = bytes
            return [sorted(map(repr, db.execute(query))) for query in queries]
    except UNREADABLE:
        return None


def unnoticed(files, places, bits):
    """Return the *places* in the file where flipping a bit changes what is read, unnoticed."""
    whole, before = files.db.read_bytes(), dump(files.db)
    missed = []
    for place, bit in zip(places, bits, strict=True):
        files.db.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        if not faults(files, decrypting=True) and dump(files.db) not in (before, None):
            missed.append((place, bit))
    return missed


def test_no_flipped_byte_of_a_record_goes_unnoticed(files):
    random, size = Random(3), files.db.stat().st_size

    places = random.sample(range(size), 400)

    assert unnoticed(files, places, [random.randrange(8) for _ in places]) == []


@pytest.mark.slow
def test_no_flipped_byte_of_a_record_goes_unnoticed_anywhere(tmp_path):
    files = fuzzed(tmp_path)
    random, size = Random(4), files.db.stat().st_size

    assert unnoticed(files, range(size), [random.randrange(8) for _ in range(size)]) == []


def flipped(files, seqs, random):
    """Return which of the entries *seqs* have a byte of their leaf that can be flipped unnoticed."""
    missed = []
    with closing(sqlite3.connect(files.db, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        for seq in seqs:
            (leaf,) = db.execute("SELECT leaf FROM entry WHERE seq = ?", (seq,)).fetchone()
            place = random.randrange(len(leaf))
            other = (
                leaf[:place] + bytes([leaf[place] ^ 1 << random.randrange(8)]) + leaf[place + 1 :]
            )
            db.execute("UPDATE entry SET leaf = ? WHERE seq = ?", (other, seq))
            missed += [] if faults(files) else [seq]
            db.execute("UPDATE entry SET leaf = ? WHERE seq = ?", (leaf, seq))
    assert faults(files) == []
    return missed


def test_a_flipped_byte_in_a_log_of_a_thousand_leaves_is_found(large):
    random = Random(5)

    assert flipped(large, random.sample(range(1, LARGE + 1), 60), random) == []


@pytest.mark.slow
def test_a_flipped_byte_in_each_of_a_thousand_leaves_is_found(large):
    assert flipped(large, range(1, LARGE + 1), Random(6)) == []


# Whatever the bytes


UNREADABLE = (sqlite3.Error, OverflowError, MemoryError, UnicodeError)
VALUES = [
    None,
    0,
    -1,
    2**63 - 1,
    1.5,
    "",
    "x",
    b"",
    b"\xff" * 40,
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"v":1,"seq":' + b"9" * 5000 + b"}",
    b'{"seq":NaN,"erased":[1e400]}',
    '{"commits":[],"erased":{},"kind":[],"seq":{},"ts":[],"v":[]}',
    "a\n5\nAAAA\n\n— b AAAAAAAA\n",
    "\n\n\n— \n",
]


def spoil_rows(db, random):
    """Change a few things in the tables as somebody with a database browser might."""
    for _ in range(random.randint(1, 4)):
        table = random.choice(["entry", "key", "head", "checkpoint", "tile", "inbox"])
        column = random.choice(
            [row[1] for row in db.execute(f"PRAGMA table_info({table})")] or ["x"]
        )
        row = random.choice([r[0] for r in db.execute(f"SELECT rowid FROM {table}")] or [1])
        with suppress(sqlite3.Error):
            change = random.randrange(8)
            if change < 5:
                statement = f"UPDATE {table} SET {column} = ? WHERE rowid = {row}"
                db.execute(statement, (random.choice(VALUES),))
            elif change == 5:
                db.execute(f"DELETE FROM {table} WHERE rowid = {row}")
            elif change == 6:
                db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
            else:
                other = f"SELECT {column} FROM {table} WHERE rowid != {row} LIMIT 1"
                db.execute(f"UPDATE {table} SET {column} = ({other}) WHERE rowid = {row}")


def spoil_bytes(whole, random):
    """Flip, cut, double or exchange bytes as a failing disk might."""
    spoilt = bytearray(whole)
    for _ in range(random.randint(1, 5)):
        start, length = random.randrange(len(spoilt)), random.choice([1, 4, 50, 600])
        part = bytes(spoilt[start : start + length])
        match random.randrange(6):
            case 0 | 1:
                spoilt[start] ^= 1 << random.randrange(8)
            case 2:
                spoilt[start : start + length] = random.randbytes(len(part))
            case 3:
                spoilt[start : start + length] = b"\xff" * len(part)
            case 4:
                there = random.randrange(len(spoilt))
                spoilt[there : there + length] = part
            case _:
                del spoilt[max(200, start) :]
    return bytes(spoilt)


def spoilt(files, whole, random):
    """Damage the record at random; the file is one that was never seen before."""
    files.db.write_bytes(whole if random.random() < 0.5 else spoil_bytes(whole, random))
    with closing(sqlite3.connect(files.db, isolation_level=None)) as db, suppress(*UNREADABLE):
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        if random.random() < 0.7:
            spoil_rows(db, random)


def fuzz(files, rounds, seed):
    """Verify *rounds* damaged records; return how many had a fault."""
    random, whole, found = Random(seed), files.db.read_bytes(), 0
    for _ in range(rounds):
        spoilt(files, whole, random)
        decrypting = random.random() < 0.5
        report = verifier.verify(files.db, given(files, decrypting=decrypting))
        found += not report.sound
        # What ends the reading is SQLite's doing, never an oversight of the verifier.
        ends = {fault.split(": ")[2] for fault in report.faults if fault.startswith("database: ")}
        assert ends <= {"DatabaseError", "OperationalError", "DataError"}
        if random.random() < 0.2:  # looking closely finds the same
            assert faults(files, decrypting=decrypting, closely=True) == report.faults
    return found


def fuzzed(tmp_path):
    record = sample(9)
    record.keep(5, cosigned_at=1_800_000_000)
    return record.write(tmp_path)


def test_two_thousand_damaged_records_raise_nothing(tmp_path):
    assert fuzz(fuzzed(tmp_path), 2000, seed=7) > 1000


@pytest.mark.slow
def test_a_hundred_thousand_damaged_records_raise_nothing(tmp_path):
    assert fuzz(fuzzed(tmp_path), 100_000, seed=8) > 50_000


def test_looking_closely_finds_what_looking_quickly_does(files):
    for statement, _ in DAMAGE[:17]:
        with suppress(sqlite3.Error):
            changed(files, statement)
        assert faults(files, closely=True) == faults(files)


# The export


def leaves(files):
    with closing(sqlite3.connect(files.db)) as db:
        return [leaf for (leaf,) in db.execute("SELECT leaf FROM entry ORDER BY seq")]


def newest(files):
    with closing(sqlite3.connect(files.db)) as db:
        return db.execute("SELECT note FROM head").fetchone()[0]


def test_an_export_of_the_record_is_found_to_be_one(large, tmp_path):
    folder = tmp_path / "tiles"
    export(folder, leaves(large), newest(large))

    assert faults(large, tiles=folder) == []


@pytest.mark.parametrize("name", ["tile/0/001", "tile/entries/003.p/232", "tile/1/000.p/3"])
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_file_of_an_export_that_is_not_the_records_is_named(large, tmp_path, name, damage):
    folder = tmp_path / "tiles"
    export(folder, leaves(large), newest(large))
    file = folder / name
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])

    assert [fault for fault in faults(large, tiles=folder) if name in fault]


def test_an_export_of_an_earlier_state_is_good_too(large, tmp_path):
    record = sample(LARGE)
    folder = tmp_path / "tiles"
    export(folder, leaves(large)[:300], record.note(300))

    assert faults(large, tiles=folder) == []


def test_an_export_of_more_than_there_is_is_found(files, tmp_path):
    record = sample(SMALL)
    record.add({"kind": "cafe"})
    folder = tmp_path / "tiles"
    export(folder, [entry["leaf"] for entry in record.entries], record.note(25))

    assert [fault for fault in faults(files, tiles=folder) if "is of 25 entries" in fault]


# The command line


def run(*words):
    return subprocess.run(
        [sys.executable, "-I", "-W", "error", TOOL, *words],
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )


def test_the_verifier_needs_nothing_but_itself_and_cryptography():
    tree = ast.parse(TOOL.read_text("utf-8"))
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == {"cryptography"}


def test_a_sound_record_ends_with_zero(files):
    done = run(
        str(files.db), "--key", files.key, "--epochs", str(files.epochs), "--witness", files.witness
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "sound\n" in done.stdout
    assert (
        "example.net/witness vouches for the first 12 entries, 2027-01-15 08:00 UTC" in done.stdout
    )


def test_a_fault_ends_with_one(files):
    changed(files, "DELETE FROM entry WHERE seq = 5")

    done = run(str(files.db), "--key", files.key)

    assert (done.returncode, "entry 5: is missing" in done.stdout) == (1, True)


def test_the_key_beside_the_record_is_taken_where_none_is_named(files):
    assert run(str(files.db)).returncode == 1
    files.db.with_name("record.db.key").write_bytes(sample(SMALL).pem())

    assert run(str(files.db)).returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["missing.db"],
        ["{db}", "--key", "nothing"],
        ["{db}", "--key", "{witness}", "--witness", "{key}"],
        ["{db}", "--epochs", "{db}"],
        ["--receipt", "{db}"],
    ],
)
def test_wrong_use_ends_with_two(files, words):
    named = {"db": files.db, "key": files.key, "witness": files.witness}

    done = run(*(word.format(**named) for word in words))

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_a_receipt_is_checked_without_the_record(files, tmp_path):
    hashes, receipt, leaf = (
        list(map(leaf_hash, leaves(files))),
        tmp_path / "r.tlog-proof",
        tmp_path / "leaf",
    )
    receipt.write_text(tlog_proof(8, inclusion(hashes, 8), newest(files)), "utf-8")
    leaf.write_bytes(leaves(files)[8] + b"\n")

    good = run("--receipt", str(receipt), "--leaf", str(leaf), "--key", files.key)
    leaf.write_bytes(leaves(files)[7])
    bad = run("--receipt", str(receipt), "--leaf", str(leaf), "--key", files.key)

    assert (good.returncode, "entry 9" in good.stdout) == (0, True)
    assert (bad.returncode, "does not lead" in bad.stdout) == (1, True)


def test_names_from_a_platform_are_committed_to_as_the_columns_hold_them():
    """A lone surrogate and an accent, as the format page says."""
    assert inside('!room é\ud800"') == '!room \\u00e9\\ud800\\"'
