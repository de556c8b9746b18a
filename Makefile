# Everything a developer or user types. Each target sets the environment up first if need be.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo dev test check bench lock clean

demo: $(READY)  ## make demo data, train and judge every system, write the reports (14 minutes, 2 cores)
	$(BIN)/tessitura demo

dev: $(READY)  ## open the asset graph in the browser, with history
	$(BIN)/tessitura dev

# Two workers of one thread each: with two threads each they wait for one another.
test: $(READY)  ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist loadfile tests

check: $(READY)  ## lint, types, floors, definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/dg check defs
	@! git check-ignore data models eval assets pipelines tests

bench: $(READY)  ## measure speed side by side with peers
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r tests/bench/requirements.lock
	$(BIN)/python tests/bench/run.py; found=$$?; \
	  $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock; \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; exit $$found

lock: $(READY)  ## resolve the dependencies anew
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  --all-extras --upgrade -o requirements.lock pyproject.toml

clean:  ## delete the environment; the store (.tessitura) stays
	rm -rf .venv

# uv itself comes from the lock, so that the whole environment is fixed by hashes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
