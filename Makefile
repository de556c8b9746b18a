# Everything a developer or user types. Each target sets the environment up first if need be.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DEV := .venv/.ready-dev

# Bytecode is written here once. Otherwise each process compiles what it imports, where Python may not keep it
# (PYTHONDONTWRITEBYTECODE), or at the first start: 9 s of a processor for the web UI.
SYNC := $(BIN)/uv pip sync --compile-bytecode --python $(BIN)/python --require-hashes
EDITABLE := $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
  --upgrade

.PHONY: demo dev test check docs bench audit lock clean

demo: $(READY)  ## make demo data, train and judge every system, write the reports (3 to 10 minutes, 2 cores)
	$(BIN)/tessitura demo

dev: $(READY)  ## open the asset graph in the browser, with history
	$(BIN)/tessitura dev

# Two workers of one thread each: with two threads each they wait for one another. The files that take longest come first
# (tests/conftest.py).
test: $(DEV)  ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests

check: $(DEV)  ## lint, types, floors, definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/dg check defs
	@! git check-ignore data models eval assets pipelines tests

docs: $(DEV)  ## build the documentation site into site/ (opens from disk; its search needs a web server)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(DEV)  ## measure speed side by side with peers
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r tests/bench/requirements.lock
	$(BIN)/python tests/bench/run.py; found=$$?; \
	  $(SYNC) --quiet requirements-dev.lock; $(EDITABLE); exit $$found

# Strict: a package that cannot be compared is a failure, not a clean result.
audit: $(READY)  ## compare the locked dependencies with known vulnerabilities (needs pypi.org)
	$(BIN)/uv venv --quiet --clear .venv/audit
	$(BIN)/uv pip install --quiet --python .venv/audit/bin/python --require-hashes -r tests/audit/requirements.lock
	for lock in requirements.lock requirements-dev.lock pipelines/homes/requirements.lock; do \
	  .venv/audit/bin/pip-audit --strict --disable-pip --require-hashes -r $$lock || exit 1; done

lock: $(DEV)  ## resolve the dependencies anew
	$(COMPILE) --extra pretrained --extra trackers --extra recogniser --extra setup -o requirements.lock pyproject.toml
	$(COMPILE) --extra pretrained --extra trackers --extra recogniser --extra setup --extra docs --extra onnx --extra dev \
	  -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(COMPILE) --extra pretrained --extra trackers --extra recogniser --extra setup --extra server --extra ray --extra k8s \
	  -c requirements.lock -o pipelines/homes/requirements.lock pyproject.toml

clean:  ## delete the environment; the store (.tessitura) stays
	rm -rf .venv

# uv itself comes from the lock, so that the whole environment is fixed by hashes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	$(SYNC) requirements.lock
	$(EDITABLE)
	@$(BIN)/python -m compileall -q assets data eval models pipelines
	@touch $@

# Tests, linters and benchmarks need more than users do.
$(DEV): $(READY) requirements-dev.lock
	$(SYNC) requirements-dev.lock
	$(EDITABLE)
	@touch $@
