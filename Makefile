# The commands that others rely on. Everything they need is installed into .venv from the lock.
PYTHON ?= python3
BIN := .venv/bin
# Tests and the demo start the program a hundred times: it is compiled once, whatever the machine says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup tools services peers demo test check bench chaos fidelity lock clean

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

.venv/.dev: .venv/.ready requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

setup: .venv/.ready

demo: setup
	$(BIN)/hdeu demo $(if $(ONCE),--once) $(if $(FORM),--form $(FORM))

tools: .venv/.dev

services:
	sh tests/services.sh

# Programs that nobody here wrote, for the tests alone. pyAS4 asks for a newer Python than it needs.
peers: services .venv-peers/.ready build/peers/node_modules/.ready

.venv-peers/.ready: tests/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps --ignore-requires-python -r $<
	touch $@

build/peers/node_modules/.ready: tests/peers/package-lock.json
	mkdir -p build/peers
	cp tests/peers/package.json tests/peers/package-lock.json build/peers/
	npm ci --prefix build/peers --ignore-scripts --no-audit --no-fund --silent
	touch $@

test: tools services peers
	mkdir -p build
	$(BIN)/python -m pytest -n $(or $(JOBS),2) --junitxml=build/junit.xml

check: tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/yamllint --strict schemas compose.yaml
	$(BIN)/python -m broker.translation.counts
	$(BIN)/hadolint Dockerfile

bench: tools services
	mkdir -p build/bench
	$(BIN)/python -m tests.performance $(BENCH)

chaos: tools services
	$(BIN)/python -m pytest tests/chaos --chaos-moments=$(or $(N),100) --chaos-seed=$(or $(SEED),1)

fidelity: tools
	$(BIN)/python -m tests.fidelity --examples=$(or $(N),100000) --seed=$(or $(SEED),1)

scenarios: tools
	$(BIN)/python -m pytest tests/scenarios/test_mock_eu_scenarios.py --scenario-count=$(or $(N),0) --scenario-seed=$(or $(SEED),1)

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

lock: tools
	$(COMPILE) pyproject.toml --group build -o requirements.lock
	$(COMPILE) pyproject.toml --group build --group test --group lint -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --python-version 3.12 tests/peers/requirements.in -o tests/peers/requirements.txt

clean:
	rm -rf .venv .venv-peers build
