# `make` lists the targets. Every target sets up what it needs in .venv; nothing else has to be installed.

PYTHON ?= python3
VENV := .venv
VENV3 := .venv-datasets3
VENV_CLUSTER := .venv-cluster
VENV_TRAIN := .venv-train
VENV_CORE := .venv-core
VENV_TOOLS := .venv-tools
RUN := $(VENV)/bin/python -m
DERMASYNTH := $(VENV)/bin/dermasynth
# RAW (data where there is no recipe.toml), SOURCES, ENGINE and OUT are for those who have no recipe.toml, or override it.
OVERRIDES = $(SOURCES) $(if $(RAW),--raw $(RAW),$(if $(wildcard recipe.toml),,--raw data)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(OUT),--out $(OUT))
PARALLEL := -n auto --dist worksteal
# What the tests of a stage, of read the quick ones, run of it at least, in per cent; a point under what was measured.
FLOORS := check=97 plan=96 read=96
# The versions that CI and releases are made with. `make CONSTRAINTS= test` takes the newest.
CONSTRAINTS ?= constraints.txt
HELD := $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
# Of a licence that does not ask for more than that changes to its own files are given on: none of GPL, AGPL, LGPL or for some uses only.
LICENCES := MIT;MIT-0;MIT-CMU;BSD;0BSD;Apache;ISC;PSF;Python Software Foundation;Zlib;Unlicense;Mozilla Public License 2.0;MPL-2.0
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Workers of pytest and the commands that tests start would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test simulate test-clusters test-train quick coverage mutants check supply licences sbom advisories constraints lowest newest golden picture fix build push-hub clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/installed ## build demo/dermasynth from drawn specimens and show three pairs; no key, no network
	$(DERMASYNTH) demo

test: $(VENV)/installed-dev $(VENV3)/installed ## run the tests, on every core; with a real server and a cluster where test-train and test-clusters have set one up
	DERMASYNTH_DATASETS3=$(CURDIR)/$(VENV3)/bin/python \
	  $(if $(wildcard $(VENV_TRAIN)/installed),DERMASYNTH_SERVE_PYTHON=$(CURDIR)/$(VENV_TRAIN)/bin/python) \
	  $(if $(wildcard $(VENV_CLUSTER)/installed),DERMASYNTH_CLUSTER_PYTHON=$(CURDIR)/$(VENV_CLUSTER)/bin/python) \
	  $(RUN) pytest -q $(PARALLEL)

simulate: $(VENV)/installed-dev ## play 10,000 seeds of clock, network, faults and kills; or: make simulate SEEDS="20000 30000"
	$(VENV)/bin/python -m tests.simulation $(SEEDS)

test-train: $(VENV_TRAIN)/installed ## run the tests that tune and score models; needs torch, half a gigabyte to several
	OMP_NUM_THREADS=1 $(VENV_TRAIN)/bin/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests/train tests/check/test_splits.py tests/test_doors_of_the_hub.py

test-clusters: $(VENV)/installed-dev $(VENV_CLUSTER)/installed ## run the script for clusters with two workers of Ray, datatrove and Slurm
	DERMASYNTH_CLUSTER_PYTHON=$(CURDIR)/$(VENV_CLUSTER)/bin/python $(RUN) pytest -q tests/generate/test_cluster.py

quick: $(VENV)/installed-dev ## run the tests that take less than a second each; tells those that take more
	$(RUN) pytest -q $(PARALLEL) -m "not slow" --durations 5 --durations-min 1

coverage: $(VENV)/installed-dev ## hold how much of check, plan and read their own tests run
	$(RUN) pytest -q $(PARALLEL) --cov --cov-report= tests/check tests/plan
	$(RUN) pytest -q $(PARALLEL) -m "not slow" --cov --cov-append --cov-report= tests/read tests/generate/test_looks.py tests/report/test_claims.py
	@for floor in $(FLOORS); do \
	  $(RUN) coverage report --skip-covered --include="dermasynth_builder/$${floor%=*}/*" --fail-under="$${floor#*=}" || exit; \
	done

mutants: $(VENV)/installed-dev ## count the changes to what decides about rows that no test notices; takes an hour
	$(RUN) pip install --quiet 'mutmut>=3.8'
	@mkdir -p mutants
	env -u DERMASYNTH_DATASETS3 -u DERMASYNTH_SERVE_PYTHON -u DERMASYNTH_REAL_DATA $(VENV)/bin/mutmut run > mutants/run.log 2>&1 || \
	  { tail -n 30 mutants/run.log; exit 1; }
	@$(VENV)/bin/mutmut results --all true | awk '!/not checked/ { sub(/\.x.*/, "", $$1); all[$$1]++; killed[$$1] += /(killed|timeout)$$/ } \
	  END { for (module in all) printf "%5d of %5d killed  %s\n", killed[module], all[module], module }' | sort -k 5
	@echo "the others: $(VENV)/bin/mutmut results, and show NAME"

check: $(VENV)/installed-dev ## format, lint, types, layers, tests and coverage, as CI does
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports --no-cache
	$(MAKE) supply
	$(MAKE) test
	$(MAKE) coverage

supply: $(VENV)/installed-dev ## what is imported is declared; no code that is known for holes, no secret in a file
	$(VENV)/bin/deptry .
	$(VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive dermasynth_builder dermasynth.py
	git ls-files -z | xargs -0 $(VENV)/bin/detect-secrets-hook --baseline .secrets.baseline

licences: $(VENV_CORE)/installed $(VENV_TOOLS)/installed ## list the licences of what a user installs; fail for one that is not allowed
	$(VENV_TOOLS)/bin/pip-licenses --python $(VENV_CORE)/bin/python --from=mixed --order=license --partial-match \
	  --allow-only "$(LICENCES)" --fail-on "GPL;Commons Clause;Non"

sbom: $(VENV_CORE)/installed $(VENV_TOOLS)/installed ## write dist/sbom.json: all that a user installs, in CycloneDX
	@mkdir -p dist
	$(VENV_TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file dist/sbom.json $(VENV_CORE)

advisories: $(VENV_CORE)/installed $(VENV_TOOLS)/installed ## ask for known holes in what a user installs; needs the network
	$(VENV_TOOLS)/bin/python .ci/advisories.py $(VENV_CORE)

constraints: $(VENV_TOOLS)/installed ## write constraints.txt anew: the newest versions that go together
	$(VENV_TOOLS)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --no-header --no-annotate \
	  --no-emit-package dermasynth pyproject.toml --output-file constraints.txt

lowest: $(VENV_TOOLS)/installed ## run the tests with the oldest versions that pyproject.toml allows: make lowest PYTHON=python3.13
	$(MAKE) versions KIND=lowest

newest: $(VENV_TOOLS)/installed ## run the tests with the newest versions
	$(MAKE) versions KIND=newest

# The tools of the tests are the newest in both; `lowest` holds what users install.
.PHONY: versions
versions: VENV_KIND := .venv-$(KIND)-$(notdir $(PYTHON))
versions:
	$(VENV_TOOLS)/bin/uv venv --quiet --clear --python $(PYTHON) $(VENV_KIND)
	$(VENV_TOOLS)/bin/uv pip compile --quiet $(if $(filter lowest,$(KIND)),--resolution lowest-direct) --python $(VENV_KIND)/bin/python \
	  --extra figures --no-header --no-annotate pyproject.toml --output-file $(VENV_KIND)/versions.txt
	$(VENV_TOOLS)/bin/uv pip install --quiet --python $(VENV_KIND)/bin/python --constraint $(VENV_KIND)/versions.txt --editable '.[dev]'
	$(VENV_KIND)/bin/python -m pytest -q $(PARALLEL) -m "not slow" --ignore tests/train

golden: $(VENV)/installed-dev ## write the golden texts of the tests anew; read the difference
	-$(RUN) pytest -q --write-golden tests/generate/engines/test_template.py tests/plan/test_styles.py tests/generate/engines/test_kinds_of_answers.py
	git diff --stat tests/golden

picture: $(VENV)/installed-dev ## draw the picture of the README anew, and the pair beside it
	$(VENV)/bin/python docs/picture.py

fix: $(VENV)/installed-dev ## mend format and what lint can mend by itself
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

build: $(VENV)/installed ## build ./dermasynth as recipe.toml says, or: make build RAW=DIR SOURCES=pad_ufes
	$(DERMASYNTH) build $(OVERRIDES)

push-hub: $(VENV)/installed ## send ./dermasynth to the Hub: make push-hub REPO=USER/dermasynth
	@test -n "$(REPO)" || { echo "say where to: make push-hub REPO=USER/dermasynth"; exit 2; }
	$(DERMASYNTH) push $(REPO) $(if $(OUT),--out $(OUT)) $(PUSH_OPTIONS)

clean: ## remove the environments and the caches of the tools
	rm -rf $(VENV) $(VENV3) $(VENV_CLUSTER) $(VENV_TRAIN) $(VENV_CORE) $(VENV_TOOLS) .venv-lowest-* .venv-newest-* mutants .coverage .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dermasynth needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml $(CONSTRAINTS)
	$(RUN) pip install --quiet $(HELD) --editable '.[figures]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(RUN) pip install --quiet $(HELD) --editable '.[dev]'
	@touch $@

# What a user installs, and nothing else.
$(VENV_CORE)/installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv --clear $(VENV_CORE)
	$(VENV_CORE)/bin/python -m pip install --quiet $(HELD) '.[figures,evaluate]'
	@touch $@

$(VENV_TOOLS)/installed:
	$(PYTHON) -m venv $(VENV_TOOLS)
	$(VENV_TOOLS)/bin/python -m pip install --quiet 'cyclonedx-bom>=7' 'pip-audit>=2.9' 'pip-licenses>=5' 'uv>=0.9'
	@touch $@

# The oldest `datasets` that the release and the loading script are held to.
$(VENV3)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV3)
	$(VENV3)/bin/python -m pip install --quiet --editable . 'datasets==3.6.0'
	@touch $@

$(VENV_CLUSTER)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV_CLUSTER)
	$(VENV_CLUSTER)/bin/python -m pip install --quiet --editable . 'ray==2.60.0' 'datatrove==0.10.1'
	@touch $@

# It tunes models, and serves one for the engine `openai`. torch first and alone: what comes with the others may be the newest, with gigabytes for cards that are not there.
$(VENV_TRAIN)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV_TRAIN)
	$(VENV_TRAIN)/bin/python -m pip install --quiet 'torch==2.13.0'
	$(VENV_TRAIN)/bin/python -m pip install --quiet --editable '.[dev,evaluate,serve]' 'transformers==5.24.0' 'trl==1.16.0' 'peft==0.21.2'
	@touch $@
