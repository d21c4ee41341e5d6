# make demo: the whole pipeline on data that needs no download.   make test: every test.
# Needs python3 (3.11 to 3.13) and make; everything else goes into $(VENV).

PYTHON ?= python3
VENV ?= .venv
CORES ?= all
FOLDER ?= results/paper
PYTEST_ARGS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 15
BIN := $(VENV)/bin
INSTALL = @echo 'installing $< into $(VENV): this takes minutes and says nothing'; \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
# `import smoothcore` from wherever the environment's python is started, and the command smoothcore
FIND_US = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
  --no-build-isolation --editable .

.PHONY: install demo demo-report tables test check docs benchmark soak reference lock clean help
.DEFAULT_GOAL := help

help:
	@awk -F ': .*## |:.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.runtime  ## all that a study needs, into the environment

demo: $(VENV)/.runtime  ## run both experiments on the 8x8 digits of scikit-learn (minutes)
	$(BIN)/snakemake --configfile config/demo.yaml --cores $(CORES)
	@$(BIN)/python -m workflow_scripts.show_tables --folder results/demo

demo-report: demo  ## the same, and the report of Snakemake on it
	$(BIN)/snakemake --configfile config/demo.yaml --report results/demo/snakemake.html

# any Python will do
tables:  ## print Table 1 and 2 of results/paper, or of FOLDER=results/...
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) -m workflow_scripts.show_tables --folder $(FOLDER)

test: $(VENV)/.dev  ## run every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.dev  ## linters, format, types, dry run of the paper's grid
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --dry-run --quiet

docs: $(VENV)/.docs  ## the pages of docs/ as a site in site/
	$(BIN)/mkdocs build --strict

benchmark: $(VENV)/.dev  ## measure the speed of everything beside its alternatives
	$(BIN)/python -m benchmarks

soak: $(VENV)/.dev  ## kill the workflow at random moments for a long time
	$(BIN)/python -m tests.soak

# what is generated: the keys of the config, the columns of the tables
reference: $(VENV)/.runtime  ## write docs/config.md, docs/columns.md, the schema of config.yaml
	$(BIN)/python -m smoothcore.study.reference
	$(BIN)/python -m smoothcore.results.reference

lock:  ## pin the requirements; all anew with UPGRADE=--upgrade (needs uv)
	for name in runtime dev slurm docs; do \
	  (cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes \
	    $(UPGRADE) --quiet --custom-compile-command 'make lock' \
	    $$(test $$name = runtime || echo -c runtime.txt) $$(test $$name != docs || echo -c dev.txt) \
	    $$name.in -o $$name.txt) || exit 1; \
	done
	uv run --no-project --with packaging python requirements/make_environment.py

clean:  ## remove the environment; results stay
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "error: this needs Python 3.11, 3.12 or 3.13; name one with  make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "error: python3 has no venv module (on Debian: apt install python3-venv)" >&2; exit 1; }

$(VENV)/.runtime: requirements/runtime.txt | $(VENV)/bin/python
	$(INSTALL)
	@$(FIND_US)
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	$(INSTALL)
	@$(FIND_US)
	@touch $@ $(VENV)/.runtime

$(VENV)/.docs: requirements/docs.txt $(VENV)/.runtime
	$(INSTALL)
	@touch $@
