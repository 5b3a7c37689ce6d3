# The commands that others rely on. Everything they need is installed into .venv from the lock.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check bench chaos fidelity lock clean

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

setup: .venv/.ready

demo: setup
	$(BIN)/hdeu demo $(if $(ONCE),--once) $(if $(FORM),--form $(FORM))

services:
	sh tests/services.sh

test: setup services
	mkdir -p build
	$(BIN)/python -m pytest --junitxml=build/junit.xml

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/yamllint --strict schemas compose.yaml
	$(BIN)/hadolint Dockerfile

bench: setup services
	mkdir -p build/bench
	$(BIN)/python -m tests.performance $(BENCH)

chaos: setup services
	$(BIN)/python -m pytest tests/chaos --chaos-moments=$(or $(N),100) --chaos-seed=$(or $(SEED),1)

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  pyproject.toml --group test --group lint --group build -o requirements.lock

clean:
	rm -rf .venv build
