# make quickstart   from a bare machine to a checked result
# make test         everything CI runs
# make help         the rest
ifndef PYTHON
PYTHON := $(or $(shell for name in python3 python3.13 python3.12 python3.11; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done),python3)
endif
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
APT_ROOT := $(shell [ "$$(id -u)" = 0 ] && command -v apt-get)

.PHONY: help quickstart accuracy data test lint unit harness engine bench bench-parts bench-cold render clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quickstart: $(VENV)/.run ## plan, build, run, collect and check one cell on this machine
	@$(BIN)/mlperf-bake quickstart

test: lint unit harness engine ## all tests: style and types, units, the compiled harness, the engine

lint: $(VENV)/.dev ## ruff, mypy, clang-format, hadolint, and whether images/ and matrix.lock are current
	$(BIN)/ruff check mlperf_bake tests harness
	$(BIN)/ruff format --check mlperf_bake tests harness
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'harness/*.cc' 'harness/*.h')
	$(BIN)/mlperf-bake lock --check
	$(BIN)/mlperf-bake render --check
	$(BIN)/hadolint --config .hadolint.yaml $$(git ls-files 'images/**/Dockerfile')

unit: $(VENV)/.dev ## unit tests: no engine, no network
	$(BIN)/pytest tests/unit

harness: $(VENV)/.dev ## the C++ tests: warnings as errors, address, undefined-behaviour and thread sanitizers
	$(BIN)/pytest tests/harness

engine: $(VENV)/.dev ## tests with a real engine: images built, run, collected and checked
	$(BIN)/pytest tests/engine

bench: $(VENV)/.dev ## measure every budget and write docs/benchmarks.md; SECTIONS="null planner" for some
	$(BIN)/python -m tests.bench $(SECTIONS)

bench-parts: $(VENV)/.dev ## build what the frameworks' sections of bench compare; SECTIONS="tvm deepsparse" for some
	$(BIN)/python -m tests.bench --parts $(SECTIONS)

bench-cold: $(VENV)/.dev ## the same, and a cold quickstart: empties the engine's build cache
	$(BIN)/python -m tests.bench --cold

render: $(VENV)/.run ## write images/ anew
	@$(BIN)/mlperf-bake render

clean: ## remove the virtual environment and everything built here (results stay)
	rm -rf $(VENV) .cache build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The stamp is written last, so that a venv whose making was interrupted is made anew.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $(PYTHON) is missing or too old; expected Python 3.11 or newer; remedy: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ -n "$(APT_ROOT)" ] && { \
	  echo "installing $(notdir $(PYTHON))-venv, which $(PYTHON) needs to make a virtual environment"; \
	  dpkg --configure -a && apt-get update -q -o Acquire::Languages=none -o APT::Get::List-Cleanup=false && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $(notdir $(PYTHON))-venv; }; } || { \
	  echo "make: $(PYTHON) cannot make a virtual environment; remedy: install the package $(notdir $(PYTHON))-venv" >&2; exit 2; }
	@echo "making the virtual environment $(VENV) with $(PYTHON)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/.made
	@echo "installing the locked Python packages"
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

accuracy: $(VENV)/.accuracy ## the libraries that mlperf-bake accuracy measures with

# Without the packages that tokenizers would fetch tokenizers with: they are read from files here.
$(VENV)/.accuracy: requirements-accuracy.lock $(VENV)/.run
	@echo "installing the locked packages that accuracy is measured with"
	@$(PIP) install --quiet --require-hashes --no-deps --requirement requirements-accuracy.lock
	@touch $@

data: $(VENV)/.data ## the libraries that KiTS19's volumes and LibriSpeech's recordings are read with

$(VENV)/.data: requirements-data.lock $(VENV)/.run
	@echo "installing the locked packages that data sets are read with"
	@$(PIP) install --quiet --require-hashes --no-deps --requirement requirements-data.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run $(VENV)/.accuracy $(VENV)/.data
	@echo "installing the locked packages for tests"
	@$(PIP) install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@
