# make run      set up, then reproduce lenet_1998's quick tier on the embedded digits
# make test     set up, then run the tests
# make check    style, types, the arrows between the packages, the designs, the reviews
# make site     build the site into build/site
# make browser  test the built site in Chromium, if there is one
# make clean    remove everything that can be made again (but not .venv)

.DEFAULT_GOAL := run
.PHONY: run test check site browser clean

BIN := .venv/bin
comma := ,
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$p -c '$(NEW_ENOUGH)' 2>/dev/null; then echo $$p; break; fi; done)
# uv where it is present, else pip; an editable install, so that a change of code needs no new set-up
INSTALL = if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python -e '$(1)'; \
	else $(BIN)/python -m pip install -q --disable-pip-version-check -e '$(1)'; fi

run: .venv/ready
	$(BIN)/firsthand run lenet_1998

test: .venv/ready-dev
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup

check: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/firsthand design check
	$(BIN)/firsthand review check

site: .venv/ready-docs
	$(BIN)/python -m firsthand.pages.assets
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

browser: site .venv/ready-browser
	$(BIN)/pytest tests/site -m browser -rs

clean:
	rm -rf build .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "Firsthand needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python3"; exit 2; }
	@if command -v uv >/dev/null; then uv venv -q --python $(PYTHON) .venv; else $(PYTHON) -m venv .venv; fi || { \
		rm -rf .venv; echo "No virtual environment could be made: on Debian and Ubuntu, install python3-venv"; exit 2; }

# Each set-up is done once, and again only when pyproject.toml changes.
.venv/ready: $(BIN)/python pyproject.toml
	@echo "Setting up .venv (once)"
	@$(call INSTALL,.)
	@touch $@

.venv/ready-dev: .venv/ready
	@echo "Adding what the tests and checks need (once)"
	@$(call INSTALL,.[dev$(comma)docs$(comma)cluster])
	@touch $@

.venv/ready-browser: .venv/ready-dev
	@$(call INSTALL,.[browser])
	@touch $@

.venv/ready-docs: .venv/ready
	@echo "Adding what the site needs (once)"
	@$(call INSTALL,.[docs])
	@touch $@
