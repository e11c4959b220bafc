# One command each; every target first sets up all that it needs. Wanted: make, and
# Python 3.11 or newer with pip. `make PYTHON=python3.12 test` chooses another one.

PYTHON ?= python3
# With COMPILED=1 every target uses what `make compiled` makes, made anew after an edit.
ENV := $(if $(COMPILED),.venv-compiled,.venv)
RUN := $(ENV)/bin/
# Which interpreter .venv was made with; another one makes it anew.
MADE := .venv/.made-by-$(subst /,-,$(PYTHON))
# What is checked but may be missing from an unpacked release.
EXTRAS := $(wildcard examples benchmarks)

# Byte code is kept, beside the sources and git-ignored: nodes that had to compile all
# that they import would take seconds to start.
export PYTHONDONTWRITEBYTECODE :=
export UV_COMPILE_BYTECODE := 1
export UV_PYTHON_DOWNLOADS := never

.PHONY: help demo compiled test test-long simulate verify fix bench

## What there is.
help:
	@awk '/^## /{text=substr($$0,4)} text && /^[a-z-]+:/{printf "make %-10s %s\n", substr($$1,1,length($$1)-1), text; text=""}' Makefile

## Three nodes on this machine, and a page that shows them; ends on ctrl-c.
demo: $(ENV)/.synced
	@exec $(RUN)raftwerk demo

## The same code, its hot modules compiled, in .venv-compiled; then `make demo COMPILED=1`.
compiled: .venv-compiled/.synced
	@.venv-compiled/bin/raftwerk --version

## All tests but those that take minutes.
test: .venv/.synced
	.venv/bin/python -m pytest

## The tests that take minutes.
test-long: .venv/.synced
	.venv/bin/python -m pytest -m long

## Clusters on virtual time, under all faults, from a thousand seeds; SEEDS=0..99 for fewer.
simulate: $(ENV)/.synced
	$(RUN)raftwerk sim --seeds $(or $(SEEDS),0..999) --faults swarm --jobs 2

## Every check but the tests; writes nothing.
verify: export PYTHONDONTWRITEBYTECODE := 1
verify: .venv/.synced
	.venv/bin/black --check .
	.venv/bin/isort --check .
	.venv/bin/pylint src hatch_build.py $(EXTRAS)
	.venv/bin/pylint tests --disable=missing-docstring
	.venv/bin/mypy --strict src tests hatch_build.py $(wildcard examples)
	.venv/bin/bandit --quiet --configfile pyproject.toml --recursive src
	.venv/bin/numpydoc lint $$(find src -name '*.py' -not -path 'src/raftwerk/proto/*')
	.venv/bin/lint-imports --cache-dir .venv/.cache/import-linter

## Put code and imports into their one form.
fix: .venv/.synced
	.venv/bin/isort .
	.venv/bin/black .

## Measure; see benchmarks/README.md.
bench: $(ENV)/.synced
	for file in benchmarks/bench_*.py; do $(RUN)python "$$file" || exit 1; done

.venv/.synced: $(MADE) pyproject.toml uv.lock
	.venv/bin/uv sync --locked --quiet --python .venv/bin/python
	@touch $@

# Never beside the sources: what was compiled there would hide later edits of them.
.venv-compiled/.synced: export UV_PROJECT_ENVIRONMENT := .venv-compiled
.venv-compiled/.synced: .venv/.synced hatch_build.py $(shell find src -name '*.py')
	@$${CC:-cc} --version >/dev/null 2>&1 || { \
	    echo "no C compiler: install one, or name it by CC" >&2; exit 2; }
	.venv/bin/uv sync --locked --quiet --no-install-project --python .venv/bin/python
	@touch .venv-compiled/.begun  # what is edited from here on is not in it
	rm -rf .venv-compiled/wheel
	HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 .venv/bin/uv build --wheel --no-build-isolation \
	    --python .venv-compiled/bin/python --out-dir .venv-compiled/wheel
	.venv/bin/uv pip install --quiet --no-deps --reinstall \
	    --python .venv-compiled/bin/python .venv-compiled/wheel/*.whl
	@mv .venv-compiled/.begun $@

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "PYTHON is $(PYTHON); it must be Python 3.11 or newer" >&2; exit 2; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@
