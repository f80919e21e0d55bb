"""The vectors come from those who made the formats: Go's golang.org/x/mod/sumdb/note (note_test.go);
a checkpoint of the public log arche2025h1 as its witnesses cosigned it, with the key of one of them
(in transparency-dev/formats, note_cosigv1_test.go); the examples of C2SP's tlog-cosignature."""

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NoteError
from storage.merkle import inclusion, leaf_hash, root_of
from storage.notes import (
    Checkpoint,
    Kind,
    Signer,
    checkpoint,
    cosign,
    opened,
    parsed,
    proof,
    proved,
    sign,
    signatures,
    tlog_proof,
    verifier,
)

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"  # noqa: S105 - a published vector
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
SAYING = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.
"""
BY_PETER = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
BY_ENOCH = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

ARCHE = (
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
)
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
COSIGNED = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
"""
SEEN = 0x6A122120  # the time in remora's signature

ORIGIN = "example.org/debate"
ROOT = root_of([leaf_hash(b"one")])
NEWEST = Checkpoint(origin=ORIGIN, size=1, root=ROOT)


def key(seed):
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


LOG = Signer(name=ORIGIN, kind=Kind.LOG, key=key(1))
WITNESS = Signer(name="example.net/witness", kind=Kind.WITNESS, key=key(2))
NOTE = sign(NEWEST, LOG)


def test_a_key_has_the_id_that_its_name_gives_it_elsewhere():
    for text in (PETER, ENOCH, ARCHE, REMORA):
        assert verifier(text).text == text


def test_a_signature_is_the_one_that_go_makes():
    secret = Ed25519PrivateKey.from_private_bytes(b64decode(PETERS_SECRET)[1:])

    signer = Signer(name="PeterNeumann", kind=Kind.LOG, key=secret)

    assert signer.verifier.text == PETER
    # `sign` signs checkpoints alone: of the saying, only the bytes of the signature can be compared.
    value = parsed(f"{SAYING}\n{BY_PETER}").signatures[0].value
    assert secret.sign(SAYING.encode()) == value


def test_signatures_that_go_made_are_good():
    note = f"{SAYING}\n{BY_PETER}{BY_ENOCH}"
    peter, enoch = verifier(PETER), verifier(ENOCH)

    assert [one.verifier for one in signatures(note, [peter])] == [peter]
    assert [one.verifier for one in signatures(note, [enoch, peter])] == [peter, enoch]
    assert signatures(note, []) == ()


def test_a_public_logs_checkpoint_and_its_witness_are_believed():
    arche, remora = verifier(ARCHE), verifier(REMORA)

    found = opened(COSIGNED, [arche, remora])

    assert (found.origin, found.size) == (arche.name, 1432088532)
    assert [(s.verifier, s.at) for s in signatures(COSIGNED, [remora])] == [(remora, SEEN)]
    with pytest.raises(NoteError):
        opened(COSIGNED.replace("1432088532", "1432088533"), [arche])
    with pytest.raises(NoteError):
        signatures(COSIGNED.replace("1432088532", "1432088533"), [remora])


def test_a_witness_says_what_another_witness_says_in_the_same_bytes():
    """C2SP's example of what is signed, and how its line is laid out."""
    note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— a AAAAAAAA\n"
    signed = b"cosignature/v1\ntime 1679315147\n" + note.partition("\n\n")[0].encode() + b"\n"

    line = cosign(note, WITNESS, 1679315147)

    value = b64decode(line.split()[-1])
    assert value[:12] == WITNESS.verifier.id + (1679315147).to_bytes(8, "big")
    WITNESS.key.public_key().verify(value[12:], signed)


def test_a_checkpoint_comes_back_as_it_was_signed():
    assert NOTE.startswith(f"{ORIGIN}\n1\n")
    assert opened(NOTE, [LOG.verifier]) == NEWEST == checkpoint(NOTE)


def test_a_cosigned_checkpoint_names_its_witness_and_the_time():
    note = NOTE + cosign(NOTE, WITNESS, 1_800_000_000)

    seen = signatures(note, [WITNESS.verifier])

    assert [(one.verifier, one.at) for one in seen] == [(WITNESS.verifier, 1_800_000_000)]
    assert opened(note, [LOG.verifier, WITNESS.verifier]) == NEWEST


def test_a_witness_cannot_speak_for_a_log():
    impostor = Signer(name=ORIGIN, kind=Kind.WITNESS, key=key(2))
    note = f"{NEWEST.text}\n{cosign(NOTE, impostor, 5)}"

    with pytest.raises(NoteError):
        opened(note, [impostor.verifier])


def test_a_log_cannot_speak_for_another():
    other = Signer(name="example.org/other", kind=Kind.LOG, key=key(3))

    with pytest.raises(NoteError):
        opened(sign(NEWEST, other), [other.verifier, LOG.verifier])


def test_unknown_signatures_change_nothing():
    assert opened(f"{NOTE}{BY_PETER}", [LOG.verifier]) == NEWEST
    with pytest.raises(NoteError):
        opened(NOTE, [verifier(PETER)])


def test_one_false_signature_of_a_known_key_spoils_the_note():
    false = NOTE.splitlines()[-1][:-6] + "AAAA==\n"

    with pytest.raises(NoteError):
        opened(f"{NOTE}{false}", [LOG.verifier])


def test_extensions_of_a_checkpoint_are_signed_too():
    text = f"{NEWEST.text}more\n"
    line = NOTE.splitlines(keepends=True)[-1]

    assert checkpoint(f"{text}\n{line}") == NEWEST
    with pytest.raises(NoteError):
        opened(f"{text}\n{line}", [LOG.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        SAYING,
        f"{SAYING}\n",
        f"{SAYING}\n{BY_PETER}"[:-1],
        f"\x01{SAYING}\n{BY_PETER}",
        f"\ud800{SAYING}\n{BY_PETER}",
        f"{SAYING}\r\n{BY_PETER}",
        f"{SAYING}\n— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZIn\n",
        f"{SAYING}\n{BY_PETER}Unexpected line.\n",
        f"{SAYING}\n{BY_PETER * 101}",
        f"{SAYING}\n— PeterNeumann x08g\n",
        f"{SAYING}\n— PeterNeumann x08go/Z=\n",
        f"{SAYING}\n— PeterNeumann ١٢٣٤٥٦٧٨\n",
        f"{SAYING * 12_000}\n{BY_PETER}",
    ],
)
def test_what_is_not_a_note_is_refused(note):
    with pytest.raises(NoteError):
        signatures(note, [verifier(PETER)])


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n1\n",
        f"\n1\n{ROOT.hex()}\n",
        f"{ORIGIN}\n01\n{NEWEST.text.splitlines()[2]}\n",
        f"{ORIGIN}\n-1\n{NEWEST.text.splitlines()[2]}\n",
        f"{ORIGIN}\n{10**30}\n{NEWEST.text.splitlines()[2]}\n",
        f"{ORIGIN}\n{2**63}\n{NEWEST.text.splitlines()[2]}\n",
        f"{ORIGIN}\n١\n{NEWEST.text.splitlines()[2]}\n",
        f"{ORIGIN}\n1\n{NEWEST.text.splitlines()[2][:-4]}\n",
        f"{ORIGIN}\n1\n{NEWEST.text.splitlines()[2]}\n\nmore\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text):
    with pytest.raises(NoteError):
        checkpoint(f"{text}\n{BY_PETER}")


@pytest.mark.parametrize("cut", [range(n) for n in (3, 20, 60)])
def test_no_part_of_a_key_is_a_key(cut):
    for start in range(len(PETER)):
        if start or cut.stop < len(PETER):
            with pytest.raises(NoteError):
                verifier(PETER[start : start + cut.stop])


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # too long
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # an unknown kind
        PETER.replace("c74f", "c74e"),
        PETER.replace("Peter", "Pe ter"),
        "+".join(["", *PETER.split("+")[1:]]),
    ],
)
def test_a_mistaken_key_is_refused(text):
    with pytest.raises(NoteError):
        verifier(text)


LEAVES = [f"leaf {n}".encode() for n in range(11)]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
ELEVEN = sign(Checkpoint(origin=ORIGIN, size=11, root=root_of(HASHES)), LOG)
RECEIPT = tlog_proof(7, inclusion(HASHES, 7), ELEVEN)


def test_a_receipt_is_laid_out_as_tlog_proof_has_it():
    lines = RECEIPT.split("\n")

    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 7"]
    assert [b64decode(line) for line in lines[2:6]] == inclusion(HASHES, 7)
    assert lines[6] == ""
    assert "\n".join(lines[7:]) == ELEVEN


def test_a_receipt_proves_its_leaf_and_no_other():
    index, found = proved(RECEIPT, LEAVES[7], [LOG.verifier])

    assert (index, found.size) == (7, 11)
    for leaf in (LEAVES[6], b""):
        with pytest.raises(NoteError):
            proved(RECEIPT, leaf, [LOG.verifier])
    with pytest.raises(NoteError):
        proved(RECEIPT.replace("index 7", "index 6"), LEAVES[7], [LOG.verifier])


def test_a_receipt_may_carry_more_that_nobody_vouches_for():
    extended = RECEIPT.replace("index", "extra aGVsbG8=\nindex", 1)

    assert proof(extended).extra == b"hello"
    assert proved(extended, LEAVES[7], [LOG.verifier])[0] == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\n" + ELEVEN,
        RECEIPT.replace("@v1", "@v2"),
        RECEIPT.replace("index 7", "index 07"),
        RECEIPT.replace("index 7", "index -7"),
        RECEIPT.replace("index 7", f"index {'9' * 5000}"),
        RECEIPT.replace("index 7\n", "index 7\n!!!\n"),
        RECEIPT.replace("index 7\n", "index 7\n" + "A" * 43 + "=\n"),
        RECEIPT.replace("index 7\n", "index 7\n" + ("A" * 43 + "=\n") * 70),
        RECEIPT.replace("index", "extra !\nindex"),
        RECEIPT[: len(RECEIPT) // 2],
    ],
)
def test_what_is_not_a_receipt_is_refused(text):
    with pytest.raises(NoteError):
        proved(text, LEAVES[7], [LOG.verifier])


@given(st.text() | st.text(alphabet="— \n+=Aa1/é\x00\ud800"))
def test_whatever_is_read_only_a_note_error_is_raised(text):
    for read in (verifier, checkpoint, proof, lambda text: opened(text, [LOG.verifier])):
        with pytest.raises(NoteError):
            read(text)


@given(place=st.integers(0, len(RECEIPT) - 1), other=st.characters())
def test_no_character_of_a_receipt_can_be_changed(place, other):
    changed = RECEIPT[:place] + other + RECEIPT[place + 1 :]
    if changed == RECEIPT:
        return

    with pytest.raises(NoteError):
        proved(changed, LEAVES[7], [LOG.verifier])
