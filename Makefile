# `make bench` and `make test` are all a fresh machine needs; everything lands in .venv and runs/.
PYTHON ?= python3
VENV := .venv
BENCH := $(VENV)/bin/bench
PRESET ?= smoke
# A machine with an NVIDIA driver gets the CUDA build of torch, any other the pinned CPU build.
DEVICE ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
# PyPI's torch for Linux brings gigabytes of CUDA; the project's own CPU builds are kept here.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH_cpu := torch==2.13.0 --retries 0 --extra-index-url $(TORCH_CPU_INDEX)
# A GPU gets the newest build that its driver can run.
TORCH_CUDA_INDEX ?= https://download.pytorch.org/whl
TORCH_gpu = $$($(PYTHON) .ci/cuda-build $(TORCH_CUDA_INDEX))
# What a change is measured against: where it left the branch that it will go to. Whoever runs this
# trusts the checkout, whosever it is.
GIT = git -c safe.directory="$$(pwd -P)"
MERGE_BASE = $(shell $(GIT) merge-base origin/$(or $(GITHUB_BASE_REF),main) HEAD 2>/dev/null || \
  $(GIT) merge-base main HEAD 2>/dev/null)
STAMP := $(VENV)/installed-$(DEVICE)
# Python's own tools stumble over folders like `é` where the locale is plain C, and want a home.
PLAIN = env -u PYTHONIOENCODING PYTHONUTF8=1 HOME="$${HOME:-$$(pwd)/$(VENV)}"
# Tests are made of asserts, which PYTHONOPTIMIZE would take away, and start many processes of it.
TESTING = env -u PYTHONIOENCODING -u PYTHONOPTIMIZE -u PYTHONDONTWRITEBYTECODE PYTHONUTF8=1 $(VENV)/bin/python
PIP_INSTALL = pip install --quiet --disable-pip-version-check
PIP = $(PLAIN) $(VENV)/bin/python -m $(PIP_INSTALL)
# What the CUDA build of torch does can be seen in part without a GPU, in an environment of its own;
# three equals signs, so that no local build (+cpu) is taken for it.
CUDA_VENV := .venv-cuda
CUDA_STAMP := $(CUDA_VENV)/installed
TORCH_CUDA_BUILD ?= torch===2.13.0

.DEFAULT_GOAL := help
.PHONY: help setup bench profile attention mixers precision distributed samplers ci baseline compare test test-slow check-cuda-build can-check-cuda-build benchmarks selfcheck mutants lint report show doctor selftest gpucheck clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(STAMP) ## make the environment in .venv (DEVICE=cpu or gpu; found by itself)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is too old; expected Python 3.11 or newer: make PYTHON=python3.12"; exit 2; }
	@test -w . || { echo "error: cannot write in $$(pwd); expected a checkout that you can write to: copy it"; exit 4; }
	@test $(DEVICE) = cpu || $(PYTHON) .ci/cuda-build $(TORCH_CUDA_INDEX) >/dev/null
	$(PLAIN) $(PYTHON) -m venv $(VENV)
	@# torch first, so that nothing else decides which build of it comes
	$(PIP) --no-deps $(TORCH_$(DEVICE))
	@# DeepSpeed comes as source: its kernels are compiled when they are first needed, if ever. An
	@# old pip builds it beside this torch: its set-up must not look for a CUDA toolkit then.
	DS_BUILD_OPS=0 DS_ACCELERATOR=cpu $(PIP) -e '.[$(DEVICE),dev]'
	@# what an earlier build left here would be read before what is installed
	@rm -rf touchstone.egg-info
	@# found from where it lies too: a locale may be unable to spell the path that pip wrote down
	@for packages in $(VENV)/lib/python*/site-packages; do echo ../../../.. > $$packages/touchstone.pth; done
	@test $(DEVICE) = cpu || $(VENV)/bin/python .ci/cuda-answers
	@touch $@

bench: setup ## measure a telling slice of every suite (PRESET=smoke) and name the report
	@$(BENCH) run --preset $(PRESET)

profile: setup ## trace the steps of cases: what takes the time, a page for each (CASE=attention/sdpa_flash)
	@test -n "$(CASE)" || { echo "error: expected make profile CASE=…, as attention/sdpa_flash"; exit 2; }
	@$(BENCH) profile $(CASE)

attention: setup ## the attention suite, quick preset
	@$(BENCH) run attention --preset quick

mixers: setup ## the mixers suite, quick preset
	@$(BENCH) run mixers --preset quick

precision: setup ## the precision suite, quick preset
	@$(BENCH) run precision --preset quick

distributed: setup ## the distributed suite, quick preset: 2 and 4 ranks
	@$(BENCH) run distributed --preset quick

samplers: setup ## the samplers suite, quick preset
	@$(BENCH) run samplers --preset quick

ci: setup ## measure the merge base again beside the working tree; fail where something got worse (BASE=; AT_MOST=5%, auto or off: what must be excluded; BUDGET=; STRUCTURE=same: also where a call does something else)
	@BENCH=$(BENCH) PRESET=$(PRESET) STRUCTURE=$(STRUCTURE) AT_MOST="$(AT_MOST)" BUDGET="$(BUDGET)" .ci/gate "$(or $(BASE),$(MERGE_BASE))"

baseline: setup ## store bytes, FLOPs, errors and structure of a smoke run in reports/baseline, for `make ci`
	@mkdir -p runs reports/baseline && output=$$(mktemp -d runs/baseline-XXXXXX) && \
	  $(BENCH) run --preset $(PRESET) --rounds 2 --output $$output && \
	  cp $$output/*/run.json $$output/*/*.jsonl reports/baseline/

compare: setup ## compare two runs, or measure two revisions side by side (BASE= NEW=)
	@test -n "$(BASE)" -a -n "$(NEW)" || { echo "error: expected make compare BASE=… NEW=…"; exit 2; }
	@if test -f "$(BASE)/run.json"; then $(BENCH) compare "$(BASE)" "$(NEW)"; \
	  else $(BENCH) ab "$(BASE)" "$(NEW)" --preset $(PRESET); fi

# A file stays in one process, and with it what its tests share. Tests also wait for processes that
# they have started: one process more than there are cores keeps these busy.
test: setup ## the fast tests, on up to four cores; ends with the slowest ten
	@$(TESTING) -m pytest -q -n $$(( $$(nproc) < 4 ? $$(nproc) + 1 : 4 )) --dist loadfile --no-loadscope-reorder --durations 10

test-slow: setup ## the slow tests: kills at random moments, coverage by simulation
	@$(TESTING) -m pytest -q -n 2 --dist load -m "slow and not cuda_build"

check-cuda-build: $(CUDA_STAMP) ## what the CUDA build of torch shows without a GPU (once 5 GB)
	@$(patsubst $(VENV)/%,$(CUDA_VENV)/%,$(TESTING)) -m pytest -q -rs -m "" tests/cuda_build tests/project/test_setup.py

# 0 where pip can get that build: it reads what the index has, and installs nothing.
can-check-cuda-build: setup
	@$(PLAIN) timeout 90 $(VENV)/bin/python -m $(PIP_INSTALL) --dry-run --ignore-installed --no-deps "$(TORCH_CUDA_BUILD)"

$(CUDA_STAMP): pyproject.toml
	$(PLAIN) $(PYTHON) -m venv $(CUDA_VENV)
	$(PLAIN) $(CUDA_VENV)/bin/python -m $(PIP_INSTALL) --no-deps "$(TORCH_CUDA_BUILD)"
	DS_BUILD_OPS=0 DS_ACCELERATOR=cpu $(PLAIN) $(CUDA_VENV)/bin/python -m $(PIP_INSTALL) -e '.[gpu,dev]'
	@touch $@

benchmarks: setup ## measure the instrument itself: start-up, a fork, folding, reading
	@$(TESTING) -m pytest -q benchmarks --benchmark-only -o addopts=--strict-markers

selfcheck: setup ## prove the instrument: simulated and real false alarms, the error budget, damaged folders, timer, time spent (an hour, run it alone)
	@$(PIP) -e '.[selfcheck]'
	@for proof in budget simulated excluded coverage sticking mutations structure real timer share; do $(TESTING) -m benchmarks.$$proof || exit; done

mutants: setup ## change lines where a wrong one is a wrong number; fail where tests do not notice (ten minutes)
	@$(PIP) -e '.[mutants]'
	@$(TESTING) -m benchmarks.mutants

lint: setup ## ruff, mypy, and the arrows between rooms
	@$(VENV)/bin/ruff check . && $(PLAIN) $(VENV)/bin/lint-imports --no-cache && $(PLAIN) $(VENV)/bin/mypy

report: setup ## write the report of the newest run anew
	@$(BENCH) report

show: setup ## print the summary of the newest run
	@$(BENCH) show

doctor: setup ## say what makes this machine noisy
	@$(BENCH) doctor

selftest: setup ## measure the same code against itself: this machine's noise, and what it hides
	@$(BENCH) selftest

gpucheck: setup ## ask a GPU what only a GPU can tell, in ten minutes; leaves one archive to send back
	@$(BENCH) gpucheck

clean: ## remove the environment; runs/ stays
	rm -rf $(VENV) $(CUDA_VENV)
