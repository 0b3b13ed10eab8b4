# Works on a bare machine: Python 3.11 or 3.12, make and pip. PYTHON=python3.12 picks another interpreter.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Processes that run tests.
WORKERS ?= 3

.PHONY: run test faults audit bench bench-full bench-lock lint lock clean

run: $(VENV)/.run
	@exec $(BIN)/aftersend up

test: $(VENV)/.dev
	$(BIN)/ruff check aftersend tests benchmarks
	$(BIN)/ruff format --check aftersend tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal
	$(MAKE) --no-print-directory audit

# Fails where an advisory speaks of a package we lock. Where nobody can be asked it says so, loudly, and fails only with
# AFTERSEND_AUDIT=strict.
audit: $(VENV)/.dev
	@$(BIN)/python -m tests.security.audit requirements.lock requirements-dev.lock benchmarks/peers.lock

# Real processes, harmed hundreds of times, and platforms that fail: about 20 minutes. At the
# end a table: what was done, and what became of it.
faults: $(VENV)/.dev
	@mkdir -p build && rm -f build/faults.jsonl
	@status=0; AFTERSEND_FAULTS=full AFTERSEND_SEEDS=6 AFTERSEND_EXAMPLES=200 AFTERSEND_FAULTS_LEDGER=$(CURDIR)/build/faults.jsonl \
	  $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests/faults tests/upgrades \
	  tests/laws tests/benchmarks tests/providers/*/test_polling.py tests/providers/*/test_doors.py || status=$$?; \
	  $(BIN)/python -m tests.faults.ledger build/faults.jsonl; exit $$status

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# Reports over 10 million events, and adding to them; filling the store takes about ten minutes, once, and 20 GB. And
# memory over a million rows.
bench-full: $(VENV)/.dev
	AFTERSEND_BENCH_EVENTS=10000000 $(BIN)/python -m benchmarks --everything --output benchmarks/results/full.json

# What we are compared with, in an environment of its own, which the benchmarks make.
bench-lock: $(VENV)/.venv
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header benchmarks/peers.in -o benchmarks/peers.lock

lint: $(VENV)/.dev
	$(BIN)/ruff check --fix aftersend tests benchmarks
	$(BIN)/ruff format aftersend tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every hash of every file is in the lock; no index address is.
lock: $(VENV)/.venv
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: $(VENV)/.venv requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@
