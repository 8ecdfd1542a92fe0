# veronnx: everything that is typed to build, run and check it. The work is done by Meson and the scripts of tools/.
.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: build run enclave test asan clang bench conformance soak lint fuzz fuzz-coverage image image-check image-test install clean distclean help

PREFIX ?= /usr/local
SECONDS ?= 60
MINUTES ?= 1
export VERBOSE

NINJA := ninja $(if $(VERBOSE),-v)
CLANG = $$(command -v clang-14 || command -v clang-19 || command -v clang)

build: ## build into build/ (installs what is needed first)
	@tools/setup.sh build
	@tools/configure.sh build
	@$(NINJA) -C build programs

run: build ## start a node with a few models on https://127.0.0.1:8000
	@tools/run.sh

enclave: build ## the same in an emulated Nitro enclave (the first time it makes image and QEMU, half an hour)
	@tools/enclave.sh

test: ## build and run all tests: unit, corpus of the fuzz targets, behaviour
	@tools/setup.sh test
	@tools/configure.sh build
	@$(NINJA) -C build
	@tools/test.sh build

asan: ## all tests again with the address and undefined-behaviour sanitizers
	@tools/setup.sh test
	@tools/configure.sh build-asan -Db_sanitize=address,undefined -Doptimization=1
	@$(NINJA) -C build-asan
	@tools/test.sh build-asan --timeout-multiplier 4

clang: ## everything with clang, its unit tests, and some of the others
	@tools/setup.sh test dev
	@CC=$(CLANG) tools/configure.sh build-clang
	@$(NINJA) -C build-clang all test-doubles
	@tools/test.sh build-clang --suite unit --suite fuzz --suite few

fuzz: ## every fuzz target: SECONDS (60) seconds for what faces the network or the host, a fifth of that for the rest
	@tools/setup.sh dev
	@CC=$(CLANG) tools/configure.sh build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
	@$(NINJA) -C build-fuzz fuzz
	@tools/fuzz.sh build-fuzz $(SECONDS)

fuzz-coverage: ## which lines of the parsers the corpora reach, those committed and what make fuzz found
	@tools/setup.sh dev
	@LLVM_PROFILE_FILE=/dev/null CC=$(CLANG) tools/configure.sh build-coverage -Doptimization=1 -Dc_args='-fprofile-instr-generate -fcoverage-mapping' -Dc_link_args=-fprofile-instr-generate
	@$(NINJA) -C build-coverage fuzz
	@tools/fuzz_coverage.sh build-coverage build-fuzz/corpus

lint: ## the rules of docs/style.md that a script can check, and clang-tidy
	@tools/setup.sh dev
	@tools/configure.sh build
	@$(NINJA) -C build
	@CC=$(CLANG) tools/configure.sh build-clang
	@$(NINJA) -C build-clang generated
	@tools/lint.sh build build-clang

conformance: ## ONNX's backend cases through the node, CIDs against other implementations, models out of Kubo, faulty sources
	@tools/setup.sh test conformance
	@tools/configure.sh build
	@$(NINJA) -C build
	@test/conformance/run.sh

soak: build ## what takes an hour: everything at once, kills, overload, faults; MINUTES (1) for what has no end, SOAK=mixed for one part
	@tools/setup.sh test
	@tools/configure.sh build
	@$(NINJA) -C build bench-programs shimmed-node test/unit/infer/veronnx-infer-no-scan
	@MINUTES=$(MINUTES) test/soak/run.sh

bench: build ## the benchmarks, into bench/results/; BENCH=requests, huge, fetch, cold, forward or original runs one of them
	@bench/run.sh

image: ## the enclave images, into build/image/; INPUTS=1 adds inputs.tar, the archive of all that they are made of
	@tools/setup.sh build
	@image/build.sh

image-check: ## build the enclave images twice from nothing, in two folders, and compare
	@tools/setup.sh build
	@image/check.sh

image-test: ## build the images and the QEMU that has the Nitro machine (half an hour, once), and boot them
	@tools/setup.sh test
	@test/image/run.sh --build

install: build ## install into PREFIX (/usr/local), below DESTDIR
	@meson setup --reconfigure --prefix '$(PREFIX)' build > build/meson-logs/reconfigure.txt
	@meson install -C build --no-rebuild

clean: ## remove what was built; keep what was downloaded and unpacked
	@rm -rf build-asan build-clang build-coverage build-fuzz
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +

distclean: clean ## remove build/deps/ as well
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## /  make \1\t/p' Makefile | expand -t 24
	@echo '  VERBOSE=1 shows every command; PREFIX, DESTDIR, SECONDS, MINUTES, ONNXRUNTIME_ROOT and VERONNX_CACHE are honoured.'
