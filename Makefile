# The commands people type. CMakePresets.json has the builds, tests/run the stages of the tests.

.PHONY: all run test test-all soak bench baseline fuzz format lint clean help

all: build/trunkline ## build build/trunkline

.PHONY: build/trunkline
build/trunkline:
	@deploy/install-deps.sh run
	@test -f build/build.ninja || cmake --preset release -DTRUNKLINE_TESTS=OFF
	@cmake --build build --target trunkline

run: all ## first try: all four sources, an embedded broker, sample callbacks
	@exec build/trunkline dev

test: ## what CI runs, against a real Kafka: under 25 minutes
	@tests/run test

test-all: ## everything: sanitizers, fuzzing, more rounds of faults: about 80 minutes
	@tests/run test-all

soak: ## 20 rounds of every fault, long outages, everything long: a day without a limit of time
	@tests/run soak

fuzz: ## each fuzz target for a minute
	@tests/run fuzz

bench: ## the figures, side by side in one run
	@tests/run bench

baseline: ## hold on to the instructions that a callback costs now; `make test` compares with them
	@tests/run baseline

lint: ## compiler and clang-tidy warnings, formats, shell scripts, the composition
	@tests/run lint

format: ## apply .clang-format
	@deploy/install-deps.sh lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build build-asan build-tsan build-fuzz build-lint

help: ## this list
	@grep -hE '^[a-z/-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z/-]+):.*## (.*)/  make \1\t\2/' | expand -t 18
