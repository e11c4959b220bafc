# One command each; every target first sets up all that it needs. Wanted: make, and
# Python 3.11 or newer with pip. `make PYTHON=python3.12 test` chooses another one.

PYTHON ?= python3
RUN := .venv/bin/
# Which interpreter .venv was made with; another one makes it anew.
MADE := .venv/.made-by-$(subst /,-,$(PYTHON))
# What is checked but may be missing from an unpacked release.
EXTRAS := $(wildcard examples benchmarks)

# Byte code is kept, beside the sources and git-ignored: nodes that had to compile all
# that they import would take seconds to start.
export PYTHONDONTWRITEBYTECODE :=
export UV_COMPILE_BYTECODE := 1
export UV_PYTHON_DOWNLOADS := never

.PHONY: help demo test test-long simulate verify fix bench

## What there is.
help:
	@awk '/^## /{text=substr($$0,4)} text && /^[a-z-]+:/{printf "make %-10s %s\n", substr($$1,1,length($$1)-1), text; text=""}' Makefile

## Three nodes on this machine, and a page that shows them; ends on ctrl-c.
demo: .venv/.synced
	@exec $(RUN)raftwerk demo

## All tests but those that take minutes.
test: .venv/.synced
	$(RUN)python -m pytest

## The tests that take minutes.
test-long: .venv/.synced
	$(RUN)python -m pytest -m long

## Clusters on virtual time, under all faults, from a thousand seeds; SEEDS=0..99 for fewer.
simulate: .venv/.synced
	$(RUN)raftwerk sim --seeds $(or $(SEEDS),0..999) --faults swarm --jobs 2

## Every check but the tests; writes nothing.
verify: export PYTHONDONTWRITEBYTECODE := 1
verify: .venv/.synced
	$(RUN)black --check .
	$(RUN)isort --check .
	$(RUN)pylint src $(EXTRAS)
	$(RUN)pylint tests --disable=missing-docstring
	$(RUN)mypy --strict src tests $(wildcard examples)
	$(RUN)bandit --quiet --configfile pyproject.toml --recursive src
	$(RUN)numpydoc lint $$(find src -name '*.py' -not -path 'src/raftwerk/proto/*')
	$(RUN)lint-imports --cache-dir .venv/.cache/import-linter

## Put code and imports into their one form.
fix: .venv/.synced
	$(RUN)isort .
	$(RUN)black .

## Measure; see benchmarks/README.md.
bench: .venv/.synced
	for file in benchmarks/bench_*.py; do $(RUN)python "$$file" || exit 1; done

.venv/.synced: $(MADE) pyproject.toml uv.lock
	$(RUN)uv sync --locked --quiet --python $(RUN)python
	@touch $@

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "PYTHON is $(PYTHON); it must be Python 3.11 or newer" >&2; exit 2; }
	$(PYTHON) -m venv --clear .venv
	$(RUN)python -m pip install --quiet --disable-pip-version-check uv
	@touch $@
