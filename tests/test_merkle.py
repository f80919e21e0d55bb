"""The vectors are those of the reference tests of Certificate Transparency: eight leaves, the nodes
above them, the root at each size (github.com/transparency-dev/merkle, testonly/constants.go), and
the proofs of its log_verifier_test.go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.merkle import (
    EMPTY,
    consistency,
    consistent,
    inclusion,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    root_of,
)

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
H1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
H4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
H23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
H45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
H67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
H4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUDED = [
    (0, 1, []),
    (0, 8, [H1, H23, H4567]),
    (5, 8, [H4, H67, ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], H23, H4]),
]
CONSISTENT = [
    (1, 1, []),
    (1, 8, [H1, H23, H4567]),
    (6, 8, [H45, H67, ROOTS[4]]),
    (2, 5, [H23, H4]),
]


def bytes_of(proof):
    return [bytes.fromhex(node) for node in proof]


@pytest.mark.parametrize("size", range(9))
def test_a_tree_has_the_root_that_certificate_transparency_gives_it(size):
    assert root_of(HASHES[:size]).hex() == ROOTS[size]


def test_a_leaf_cannot_pass_for_a_node():
    left, right = HASHES[:2]

    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(("index", "size", "proof"), INCLUDED)
def test_an_inclusion_proof_is_the_one_that_certificate_transparency_gives(index, size, proof):
    assert inclusion(HASHES[:size], index) == bytes_of(proof)
    root = root_from_inclusion(index, size, HASHES[index], bytes_of(proof))
    assert root is not None
    assert root.hex() == ROOTS[size]


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENT)
def test_a_consistency_proof_is_the_one_that_certificate_transparency_gives(old, new, proof):
    roots = bytes_of(ROOTS)

    assert consistency(HASHES[:new], old) == bytes_of(proof)
    assert consistent(old, roots[old], new, roots[new], bytes_of(proof))


trees = st.lists(st.binary(max_size=4), min_size=1, max_size=80).map(
    lambda leaves: [leaf_hash(leaf) for leaf in leaves]
)


@given(hashes=trees, data=st.data())
def test_every_leaf_of_every_tree_can_be_proved(hashes, data):
    index = data.draw(st.integers(0, len(hashes) - 1))

    proof = inclusion(hashes, index)

    assert root_from_inclusion(index, len(hashes), hashes[index], proof) == root_of(hashes)


@given(hashes=trees, data=st.data())
def test_every_earlier_tree_is_shown_to_be_the_beginning_of_the_later_one(hashes, data):
    old = data.draw(st.integers(0, len(hashes)))

    proof = consistency(hashes, old)

    assert consistent(old, root_of(hashes[:old]), len(hashes), root_of(hashes), proof)


@given(hashes=trees, data=st.data())
def test_no_changed_proof_of_inclusion_holds(hashes, data):
    index = data.draw(st.integers(0, len(hashes) - 1))
    proof = inclusion(hashes, index)

    changed = data.draw(changes(proof))

    assert root_from_inclusion(index, len(hashes), hashes[index], changed) != root_of(hashes)


@given(hashes=trees, data=st.data())
def test_no_changed_proof_of_consistency_holds(hashes, data):
    old = data.draw(st.integers(0, len(hashes)))
    proof = consistency(hashes, old)

    changed = data.draw(changes(proof))

    assert not consistent(old, root_of(hashes[:old]), len(hashes), root_of(hashes), changed)


@given(hashes=trees, data=st.data())
def test_a_tree_whose_past_was_rewritten_is_not_consistent(hashes, data):
    old = data.draw(st.integers(1, len(hashes)))
    place = data.draw(st.integers(0, old - 1))
    rewritten = [*hashes[:place], leaf_hash(b"another"), *hashes[place + 1 :]]

    proof = consistency(rewritten, old)

    assert not consistent(old, root_of(hashes[:old]), len(hashes), root_of(rewritten), proof)


@given(
    numbers=st.lists(st.integers(-3, 2**70), min_size=2, max_size=2),
    proof=st.lists(st.binary(min_size=30, max_size=33), max_size=70),
)
def test_whatever_is_given_as_a_proof_nothing_is_raised(numbers, proof):
    first, second = numbers

    assert root_from_inclusion(first, second, EMPTY, proof) != EMPTY
    assert first == second or not consistent(first, HASHES[0], second, EMPTY, proof)


def test_a_leaf_beyond_the_tree_has_no_proof():
    assert root_from_inclusion(8, 8, HASHES[0], []) is None
    assert root_from_inclusion(0, 0, HASHES[0], []) is None
    assert root_from_inclusion(-1, 8, HASHES[0], []) is None


def test_a_smaller_tree_never_follows_a_larger_one():
    proof = consistency(HASHES, 5)

    assert not consistent(8, root_of(HASHES), 5, root_of(HASHES[:5]), proof)


def test_nothing_but_the_empty_root_stands_for_the_empty_tree():
    assert consistent(0, EMPTY, 8, root_of(HASHES), [])
    assert not consistent(0, HASHES[0], 8, root_of(HASHES), [])
    assert not consistent(0, EMPTY, 8, root_of(HASHES), [HASHES[0]])


def changes(proof):
    """Return a strategy of proofs that are not *proof*."""
    spare = leaf_hash(b"spare")
    longer = st.integers(0, len(proof)).map(lambda n: [*proof[:n], spare, *proof[n:]])
    if not proof:
        return longer
    places = st.integers(0, len(proof) - 1)
    shorter = places.map(lambda n: [*proof[:n], *proof[n + 1 :]])
    other = places.map(lambda n: [*proof[:n], spare, *proof[n + 1 :]])
    cut = places.map(lambda n: [*proof[:n], proof[n][:-1], *proof[n + 1 :]])
    return longer | shorter | other | cut
