# Two commands do everything, set-up included:
#   make segment VIDEO=clip.mp4 [OUT=out] [KIND=overlay] [ARGS="--overwrite ..."]
#   make test [COVERAGE=yes]
# Without VIDEO, `make segment` makes an example clip whose true masks are known and says how well it did.

PYTHON ?= python3
VENV ?= .venv
VIDEO ?=
KIND ?=
ARGS ?=
COVERAGE ?=

# Compiled files are kept: the tests start hundreds of processes that read the same modules.
unexport PYTHONDONTWRITEBYTECODE

BIN := $(VENV)/bin
# Where a kind's result goes if OUT does not say: masks into a folder, videos into a video.
OUT_overlay := out.mp4
OUT_green := out.mp4
OUT_strip := out.mp4
OUT_alpha := out.webm
OUT_coco := out.json
OUT ?= $(or $(OUT_$(KIND)),out)

.PHONY: help segment test test-fast test-oldest test-newest lint pictures clean

help:
	@echo 'make segment VIDEO=clip.mp4 [OUT=out] [KIND=overlay]   masks of a video; without VIDEO, of an example'
	@echo 'make test [COVERAGE=yes]                              what make lint does, and the tests; which lines ran'
	@echo 'make test-fast                                        quick tests of what needs no torch'
	@echo 'make test-oldest                                      the base installation with its oldest dependencies'
	@echo 'make test-newest                                      the base installation alone, with the newest ones'
	@echo 'make lint                                             ruff, mypy and the arrows between packages'
	@echo 'make pictures                                         the pictures of the README'
	@echo 'make clean                                            remove what these commands have made'

ifneq ($(VIDEO),)
segment: $(VENV)/.base
	$(BIN)/dpa segment "$(VIDEO)" -o "$(OUT)" $(if $(KIND),--kind $(KIND)) $(ARGS)
else
segment: $(VENV)/.base
	$(BIN)/dpa example example/clip.mp4 --masks example/true --overwrite
	$(BIN)/dpa segment example/clip.mp4 -o example/masks -o example/overlay.mp4 --overwrite $(ARGS)
	$(BIN)/dpa example --check example/masks
	@echo 'Look at example/overlay.mp4; then: make segment VIDEO=yours.mp4'
endif

# One more test side by side than there are cores, since some wait: for a browser, a cluster, a server that is silent.
# Those of a file together, for what they share, in our order.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: lint
	$(PYTEST) -m "not network and not gpu" --durations=20 $(if $(COVERAGE),--cov=dpa --cov-report=term)

# Tests of what needs no torch: it takes seconds to load, for each worker.
WITHOUT_TORCH = $(addprefix tests/,batch cli datasets engine evaluate example flow predict prepare video) \
  tests/test_config.py tests/test_device.py tests/test_files.py tests/test_processes.py \
  --ignore tests/cli/test_train.py
FAST = -m "not (slow or real or process or network or gpu or browser)"

test-fast: $(VENV)/.dev
	$(PYTEST) -q $(WITHOUT_TORCH) tests/storage tests/web tests/weights $(FAST)

# The least that pyproject.toml allows: Python 3.10, and the oldest minor version of each base dependency. What
# needs torch is left out, and the tests of training, whose processes want it.
OLDEST := $(VENV)-oldest

test-oldest: pyproject.toml
	python3.10 -m venv $(OLDEST)
	$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	  print(*(d.replace(">=", "==") + ".*" for d in p["dependencies"]), sep="\n")' > $(OLDEST)/oldest.txt
	$(OLDEST)/bin/python -m pip install --quiet -c $(OLDEST)/oldest.txt --editable ".[evaluate]" \
	  pytest pytest-timeout pytest-xdist hypothesis scipy
	$(OLDEST)/bin/python -m pytest -n $(WORKERS) --dist loadfile $(WITHOUT_TORCH) $(FAST)

# What a newcomer gets: the base installation alone, with the newest of all. An extra may hold a library back, as
# [evaluate] does OpenCV.
NEWEST := $(VENV)-newest

test-newest: pyproject.toml
	$(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable . \
	  pytest pytest-timeout pytest-xdist hypothesis scipy jinja2
	$(NEWEST)/bin/python -m pytest -n $(WORKERS) --dist loadfile $(WITHOUT_TORCH) $(FAST)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

pictures: $(VENV)/.base
	$(BIN)/python docs/make_pictures.py docs/pictures

clean:
	rm -rf out out.mp4 out.webm out.json example build dist .coverage htmlcov

# The base installation: all that `dpa segment` needs, no torch. pip keeps what is there already.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

# With torch and the tests' tools; it is the base installation too.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $(VENV)/.base $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo 'Python 3.10 or newer is needed: make PYTHON=/path/to/python3 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
