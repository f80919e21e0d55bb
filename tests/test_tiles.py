"""The examples are those of https://c2sp.org/tlog-tiles."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.errors import StorageError
from storage.merkle import leaf_hash, root_of
from storage.notes import Checkpoint, Kind, Signer, opened, sign
from storage.tiles import export, path

LOG = Signer(
    name="example.org/debate",
    kind=Kind.LOG,
    key=Ed25519PrivateKey.from_private_bytes(b"\1" * 32),
)


def leaves(count):
    return [b"leaf %d" % n for n in range(count)]


def note(count):
    root = root_of(leaf_hash(leaf) for leaf in leaves(count))
    return sign(Checkpoint(origin=LOG.name, size=count, root=root), LOG)


def files(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("position", "width", "place"),
    [
        (0, 256, "000"),
        (999, 256, "999"),
        (1000, 256, "x001/000"),
        (1234067, 256, "x001/x234/067"),
        (1234067, 8, "x001/x234/067.p/8"),
        (273, 112, "273.p/112"),
    ],
)
def test_a_tile_lies_where_the_format_says(position, width, place):
    assert path(position, width) == place


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_formats_example(tmp_path):
    assert export(tmp_path, leaves(70_000), note(70_000)) == 70_000

    found = files(tmp_path)
    for kind in ("0", "entries"):
        full = {f"tile/{kind}/{n:03}" for n in range(273)}
        assert {name for name in found if name.startswith(f"tile/{kind}/")} == full | {
            f"tile/{kind}/273.p/112"
        }
    above = {"tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"}
    assert {name for name in found if name[:7] in {"tile/1/", "tile/2/", "tile/3/"}} == above
    assert len((tmp_path / "tile/0/000").read_bytes()) == 8192


def test_a_tree_of_one_full_tile_has_another_of_one_hash_above_it(tmp_path):
    export(tmp_path, leaves(256), note(256))

    assert files(tmp_path) == {"checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"}


@pytest.mark.parametrize("count", [0, 1, 255, 257, 600])
def test_whoever_has_the_files_can_compute_the_root(tmp_path, count):
    export(tmp_path, leaves(count), note(count))

    signed = opened((tmp_path / "checkpoint").read_text("utf-8"), [LOG.verifier])
    assert (signed.size, signed.root) == (count, root_of(map(leaf_hash, read(tmp_path, count))))


def read(folder, count):
    """Return the leaves in the bundles under *folder*."""
    found = []
    for position in range(-(-count // 256)):
        width = min(256, count - 256 * position)
        bundle = (folder / "tile/entries" / path(position, width)).read_bytes()
        while bundle:
            end = 2 + int.from_bytes(bundle[:2], "big")
            found.append(bundle[2:end])
            bundle = bundle[end:]
    return found


def test_a_checkpoint_of_another_size_is_not_handed_out(tmp_path):
    with pytest.raises(StorageError, match="5 entries"):
        export(tmp_path, leaves(5), note(6))

    assert "checkpoint" not in files(tmp_path)


def test_a_leaf_that_fits_no_bundle_is_refused(tmp_path):
    with pytest.raises(StorageError, match="too long"):
        export(tmp_path, [b"x" * 65_536], note(1))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "tile").write_text("in the way")

    with pytest.raises(StorageError, match="tile"):
        export(tmp_path, leaves(1), note(1))
