# The commands of the project; each works on a fresh Debian 12.
SHELL := /bin/bash
BUILD ?= build
JOBS ?= $(shell nproc)
# HEAVY: arguments of examples/heavy for `make run`, e.g. HEAVY="--gigabytes 4".
HEAVY ?=
# TESTS: a regular expression of the tests that `make test` runs.
TESTS ?= .

.PHONY: all configure build build-tests dependencies run test bench check lint lint-all format install clean help build-clang \
        test-asan test-ubsan test-tsan test-checked torture-asan torture-tsan fuzz

all: build

help:
	@echo "make build    build/tine, the library, the examples"
	@echo "make run      fork of a large process: on the host, in the box, in the box with copied page tables"
	@echo "make test     every test                      (TESTS=REGEX: some)"
	@echo "make bench    every measurement, the host beside it"
	@echo "make lint     layers, sizes, clang-format; clang-tidy of what differs from main (SINCE=COMMIT)"
	@echo "make lint-all the same with clang-tidy of every source (LINT=src/memory: some)"
	@echo "make format   clang-format on every source"
	@echo "make install  program, man page, completion   (PREFIX=/usr/local, DESTDIR=)"
	@echo "make build-clang: the same with clang, each source by itself"
	@echo "make fuzz     every fuzz target (SECONDS_EACH=60), with libFuzzer and AddressSanitizer"
	@echo "make test-asan, test-ubsan, test-tsan, test-checked: the unit tests in that build"
	@echo "make torture-asan, torture-tsan: tests/torture in a box of that build (SECONDS_EACH=60)"

dependencies:
	@scripts/install_dependencies.sh

# CMake's messages are shown only when something is wrong: they are long and of no use.
configure: dependencies
	@cmake -S . -B $(BUILD) -G Ninja >$(BUILD).configure.log 2>&1 || \
	  { cat $(BUILD).configure.log; rm -f $(BUILD).configure.log; exit 1; }
	@rm -f $(BUILD).configure.log

# Neither the tests nor the benchmarks, which take as long again: `make test` and `make bench` build them.
build: configure
	@cmake --build $(BUILD) --parallel $(JOBS)

build-tests: configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target all tests

run: build
	@examples/heavy/compare.py --tine $(BUILD)/tine --heavy $(BUILD)/examples/heavy/heavy $(HEAVY)

# Four tests at once on two cores: most of them wait (sleeps, timers) more than they compute.
test: build-tests
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error --parallel $$((2 * $(JOBS))) -R '$(TESTS)'
	@echo "counted as passed, though the box fails them (a test that starts to pass fails the build):"
	@grep -hv '^#' tests/*/known_gaps.txt | sed 's/^/  /'

test-open: build-tests
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -R "$$(scripts/known_failures.sh)"

test-asan test-ubsan test-tsan test-checked: test-%: dependencies
	@cmake --preset $* >/dev/null
	@cmake --build --preset $* --parallel $(JOBS)
	@ctest --preset $* --parallel $(JOBS)

SECONDS_EACH ?= 60
torture-asan torture-tsan: torture-%: dependencies
	@cmake --preset $* >/dev/null
	@cmake --build build-$* --parallel $(JOBS) --target tine torture
	@ASAN_OPTIONS=detect_leaks=0 tests/torture/run_torture.py --program build-$*/tests/torture/torture \
	  --tine build-$*/tine --seconds $(SECONDS_EACH) --processes 100 shared copied

# What a target finds new is kept in build-fuzz/corpus; an input that fails is left in build-fuzz.
fuzz: dependencies
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz --parallel $(JOBS)
	@cd build-fuzz && for target in ../tests/fuzz/corpus/*; do name=$$(basename $$target); mkdir -p corpus/$$name; \
	  ASAN_OPTIONS=detect_leaks=0 tests/fuzz/fuzz_$$name corpus/$$name $$target -max_total_time=$(SECONDS_EACH) \
	    -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 || exit 1; done

build-clang: dependencies
	@cmake --preset clang >/dev/null
	@cmake --build --preset clang --parallel $(JOBS)

bench: configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target run_benchmarks

check: dependencies
	@scripts/check_layers.py
	@scripts/check_sizes.py
	@scripts/check_links.py
	@scripts/format.sh --check
	@cmake --preset clang >/dev/null

# clang-tidy takes 5 to 15 seconds of a processor for one source.
SINCE ?= main
lint: check
	@JOBS=$(JOBS) scripts/tidy.sh build-clang --changed-since $(SINCE)

LINT ?= src
lint-all: check
	@JOBS=$(JOBS) scripts/tidy.sh build-clang $(LINT)

format: dependencies
	@scripts/format.sh

PREFIX ?= /usr/local
install: build
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	@rm -rf build build-*
