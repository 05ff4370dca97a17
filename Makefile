# The product's commands; README.md says what each is for.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCKS  := $(addprefix deploy/requirements/,base.txt models.txt embedded.txt)
DEV    := deploy/requirements/dev.txt
VAR_DIR ?= $(CURDIR)/var
export VAR_DIR

.PHONY: demo up test lint bench faults manage clean-demo
.DEFAULT_GOAL := help

help:
	@echo "make demo         the whole product with real data, in the foreground"
	@echo "make up           the same without demo data"
	@echo "make test         linters and the whole test suite"
	@echo "make bench        benchmarks beside their baselines"
	@echo "make faults       what the trail bears: kill -9, pauses, tampering, as a table"
	@echo "make manage ARGS='issue_token ci --scope register'"
	@echo "make clean-demo   forget the demo's data (all of VAR_DIR)"

demo: $(VENV)/installed
	@DEMO_MODE=1 exec $(BIN)/python manage.py up --demo

up: $(VENV)/installed
	@exec $(BIN)/python manage.py up

manage: $(VENV)/installed
	@$(BIN)/python manage.py $(ARGS)

test: $(VENV)/installed-dev chromium lint
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/djlint --quiet --lint templates

bench: $(VENV)/installed-dev
	@$(BIN)/python -m tests.bench

faults: $(VENV)/installed-dev
	@$(BIN)/python -m tests.faults

clean-demo:
	@$(PYTHON) deploy/clean_demo.py "$(VAR_DIR)"

# Says what is wrong before pip does: its own words for an old Python are many and late.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Countersign needs Python 3.11 or newer; this is %s. Name a newer one: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "The environment could not be made: on Debian, apt-get install python3-venv."; exit 1; }

$(VENV)/installed: $(VENV)/bin/python $(LOCKS)
	@echo "Installing the product's packages (once; about two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(LOCKS:%=-r %)
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed $(DEV)
	@echo "Installing the packages for tests and linters (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(DEV)
	@touch $@

# The browser journeys need Chromium; where it cannot be installed they are skipped and say so (CI fails then).
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing Chromium for the browser journeys (once)" \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-liberation >/dev/null; } \
	  || echo "Chromium is not there and could not be installed: the browser journeys will be skipped."
