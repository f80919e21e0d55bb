"""How fast records are verified and proofs are checked: ``python -m bench.verify [ENTRIES]``.

Both clocks are shown: of the wall, and of the processor, which counts where the machine is shared.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from storage.merkle import inclusion, leaf_hash, root_from_inclusion, root_of
from tests.record_writer import Record, sample

TOOL = Path(__file__).parents[1] / "tools" / "verify_record.py"
ROUNDS = 5


def main(entries: int) -> None:
    verifier = loaded()
    with tempfile.TemporaryDirectory() as folder:
        record = sample(entries)
        files = record.write(Path(folder))
        key = verifier.read_key(files.key)
        plain = verifier.Given(key=key)
        full = verifier.Given(key=key, epochs=verifier.read_epochs(files.epochs))
        for name, given in (("headers, tree, tiles", plain), ("words, too", full)):
            report("verify: " + name, entries, lambda given=given: sound(verifier, files, given))
    proofs(record)


def sound(verifier, files, given) -> None:
    assert verifier.verify(files.db, given).sound


def proofs(record: Record) -> None:
    hashes = [leaf_hash(entry["leaf"]) for entry in record.entries]
    size, root = len(hashes), root_of(hashes)
    proof = inclusion(hashes, size // 3)

    def check() -> None:
        for _ in range(1000):
            assert root_from_inclusion(size // 3, size, hashes[size // 3], proof) == root

    report(f"check a proof among {size:,}", 1000, check)


def report(name: str, count: int, work: Callable[[], None]) -> None:
    """Print how many a second *work* does, at its best of a few rounds."""
    wall, used = [], []
    for _ in range(ROUNDS):
        began, spent = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - began)
        used.append(time.process_time() - spent)
    best, least = count / min(wall), count / min(used)
    print(f"{name:36} {best:10,.0f}/s (processor alone: {least:,.0f}/s)")


def loaded():
    """Return the verifier, which is a file and no module of the project."""
    spec = importlib.util.spec_from_file_location("verify_record", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_record"] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
