# make ceiling: install into .venv and run the main job with the shipped checkpoints.
# make test: install and pass the tests. Both need Python 3.11+ and make; PYTHON=python3.12 picks another one.
# make package: build a wheel and an sdist into dist/, install each into an empty environment, run both elsewhere.
# make docs: run the lessons and build the site into docs/built. make lesson N=1: open a lesson as a notebook.
PYTHON ?= python3
VENV = .venv
STAMP = $(VENV)/installed

.PHONY: ceiling test package docs lesson lint lock train mutants clean

ceiling: $(STAMP)
	$(VENV)/bin/takeback ceiling

test: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pytest -n auto --dist worksteal

$(STAMP): requirements.lock setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("takeback needs Python 3.11 or newer, not " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# What a user of pip gets: nothing of this folder but dist/ may be needed, in versions that the lock file names.
package: $(STAMP)
	rm -rf dist $(VENV)/package $(VENV)/elsewhere
	$(VENV)/bin/python -m build --outdir dist . > $(VENV)/build.log || (cat $(VENV)/build.log; exit 1)
	$(PYTHON) -m venv $(VENV)/package
	mkdir $(VENV)/elsewhere
	$(VENV)/package/bin/pip install --quiet --disable-pip-version-check --no-compile -c requirements.lock dist/*.whl
	cd $(VENV)/elsewhere && ../package/bin/takeback ceiling --count 5 --out wheel
	$(VENV)/package/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/*.tar.gz
	cd $(VENV)/elsewhere && ../package/bin/takeback ceiling --count 5 --out sdist && cmp wheel/traces.jsonl sdist/traces.jsonl
	rm -rf $(VENV)/package $(VENV)/elsewhere

# What only the site and the lessons need stands beside the environment: tests and make lock do not see it.
DOCS = $(VENV)/docs
IN_DOCS = PYTHONPATH=$(CURDIR):$(CURDIR)/$(DOCS) $(CURDIR)/$(VENV)/bin/python

docs: $(DOCS)/installed
	$(IN_DOCS) docs/lesson/pages.py docs/generated/lessons
	$(IN_DOCS) docs/reference.py docs/generated
	$(IN_DOCS) -m sphinx -W -E -q -b html docs docs/built
	@echo "open docs/built/index.html"

lesson: $(DOCS)/installed
	cd docs/lesson && $(IN_DOCS) -m marimo edit $(N)_*.py

$(DOCS)/installed: $(STAMP) docs/requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(DOCS) -r docs/requirements.lock
	touch $@

lint: $(STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/lint-imports

# The lock file is what is installed in .venv, less the project itself.
lock: $(STAMP)
	(echo "# What make installs. Made by make lock; bounds are in setup.cfg."; \
	 $(VENV)/bin/pip freeze --exclude-editable | sed 's/+cpu$$//') > requirements.lock.tmp
	mv requirements.lock.tmp requirements.lock

train: $(STAMP)
	runs/train.sh

# Mutation testing of solvers/oracles/ and experiments/scoring/scorer.py ([mutmut] in setup.cfg): most of an hour on one core.
# Survivors that were judged equivalent are in docs/mutants.md.
mutants: $(STAMP)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check 'mutmut>=3.8,<4'
	HYPOTHESIS_PROFILE=mutants $(VENV)/bin/mutmut run
	$(VENV)/bin/mutmut results

clean:
	rm -rf $(VENV) results mutants
