"""What is installed: five packages that are ours alone, with every word in them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("adapters", "bot", "policies", "prompts", "storage")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_dependency_ships_a_package_of_our_name(package):
    assert set(packages_distributions().get(package, ["cafe-socrate"])) == {"cafe-socrate"}


def test_the_wheel_holds_the_five_packages_and_every_word(tmp_path):
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "-o", tmp_path], cwd=ROOT, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == set(PACKAGES)
    for path in (ROOT / "prompts").rglob("*.toml"):
        assert str(path.relative_to(ROOT)) in names


def test_the_lock_file_names_no_other_registry():
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    sources = {str(p["source"]) for p in lock["package"] if p["name"] != "cafe-socrate"}
    assert len(sources) == 1


def test_imports_keep_to_the_architecture():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_bot_without_a_model_never_pays_for_one():
    seen = _imported("import bot.cli, bot.wiring, bot.service, bot.runner, storage.sql")
    assert not seen & {"langchain", "langchain_ollama", "ollama", "httpx", "alembic", "simplemma"}


def test_the_core_imports_no_vendor_library():
    ours = "import bot.service, bot.agent, bot.gate, bot.runner, bot.commands"
    assert not _imported(ours) & {"sqlalchemy", "sqlmodel", "pydantic", "click", "langchain"}


def _imported(code: str) -> set[str]:
    listing = f"{code}; import sys; print(*{{m.partition('.')[0] for m in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", listing], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())
