# confml: `make help` lists the commands.
SHELL := /bin/sh
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: help build run serve test fuzz bench soak clean image appdir package server measure lock sbom demo

PORT ?= 8000
MODEL ?=
LABELS ?=
MANIFEST ?=
IMAGES ?=
CONFIG ?=
EXTRA_LIBS ?=
SIGNER ?=
TEE ?=
SAMPLES ?=
BENCH ?=
FUZZ_SECONDS ?= 60
TARGET ?=
INPUT ?=
SEED ?=
SOAK ?=
SOAK_REQUESTS ?=

BIN := node_modules/.bin
SERVER_SOURCES := $(shell find src -name '*.ts')
TOOL_SOURCES := $(shell find emulator scripts $(wildcard bench fuzz soak test/helpers) -name '*.ts')
FILE_SYSTEM := CONFIG='$(CONFIG)' MANIFEST='$(MANIFEST)' EXTRA_LIBS='$(EXTRA_LIBS)'

help:
	@echo 'make                build (installs what it needs from the npm registry)'
	@echo 'make run            the demo: three plain, then the same three encrypted images'
	@echo 'make serve          emulator and server on PORT ($(PORT)) until Ctrl-C'
	@echo '  MODEL=x.onnx LABELS=y.txt   with either: another classifier (or MANIFEST=z.json)'
	@echo '  IMAGES="a.jpg b.jpg"        with make run: other pictures'
	@echo '  TEE=sgx, linux or none      with make run: in an enclave, in Mystikos without one, on plain Node'
	@echo 'make test           every check'
	@echo 'make fuzz           inputs made by mutation for every parser, each for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo '  TARGET=jwe SEED=1           one parser alone; the inputs of that seed'
	@echo '  INPUT=fuzz/corpus/jwe/x     with TARGET: this input alone'
	@echo 'make bench          what it costs beside a plain server: 15 minutes, results in bench/results'
	@echo '  BENCH="--quick --only load" less of it (BENCH=--help)'
	@echo 'make soak           20,000 mixed requests, then the largest pictures in MemorySize: does it leak, does it hold?'
	@echo '  SOAK_REQUESTS=2000           fewer of them'
	@echo '  SOAK="--only load"           less of it (SOAK=--help)'
	@echo 'make appdir         the file system of the TEE, in appdir/root'
	@echo '  CONFIG=a.json MANIFEST=b.json  what goes in (config.json, models/demo/model.json)'
	@echo '  EXTRA_LIBS=DIR                 an SSR client library of your own, with what it needs'
	@echo 'make package        the signed package for Mystikos, in build/tee: SSR_PKEY is the key that signs it'
	@echo 'make server         the package, run in an SGX enclave'
	@echo 'make measure        what owners put in their release policies'
	@echo '  SIGNER=public.pem            whose MRSIGNER it prints (or SSR_PKEY)'
	@echo 'make sbom           the bill of materials of what is in it (CycloneDX)'
	@echo 'make demo           the demo on Azure Kubernetes Service: RESOURCE_GROUP, CLUSTER_NAME, IMAGE'
	@echo 'make lock           newest versions of the packages from Debian'
	@echo 'make image          the same file system as a container image (needs docker)'
	@echo 'make clean          remove what was made'

build: dist/main.js build/.tools

# npm ci writes this file last.
node_modules/.package-lock.json: package.json package-lock.json .npmrc
	npm ci --no-audit --no-fund
	@touch $@

# A compiler's output keeps its time where nothing changed in it, so a folder is made anew as a whole:
# what was renamed in src must not live on in dist, which is measured.
dist/main.js: node_modules/.package-lock.json tsconfig.json $(SERVER_SOURCES)
	rm -rf dist build/dist.tsbuildinfo
	$(BIN)/tsc -p tsconfig.json
	$(BIN)/asc src/image/assembly/resize.ts --config src/image/assembly/asconfig.json --outFile dist/image/resize.wasm
	@chmod +x dist/cli/main.js
	@touch $@

build/.tools: node_modules/.package-lock.json tsconfig.json tsconfig.tools.json $(SERVER_SOURCES) $(TOOL_SOURCES)
	$(BIN)/tsc -p tsconfig.tools.json
	@touch $@

OPTIONS = --model '$(MODEL)' --labels '$(LABELS)' --manifest '$(MANIFEST)'

run: build
	@TEE='$(TEE)' SAMPLES='$(SAMPLES)' node build/scripts/demo/run.js $(OPTIONS) $(IMAGES)

serve: build
	@node build/scripts/demo/serve.js $(OPTIONS) --port '$(PORT)' $(IMAGES)

test: build
	@scripts/test.sh

fuzz: build
	@node build/fuzz/main.js --seconds '$(FUZZ_SECONDS)' --target '$(TARGET)' --seed '$(SEED)' --input '$(INPUT)'

bench: build
	@node build/bench/main.js $(BENCH)

soak: build
	@SOAK_REQUESTS='$(SOAK_REQUESTS)' node build/soak/main.js $(SOAK)

appdir: build
	@$(FILE_SYSTEM) scripts/appdir.sh

package: build
	@$(FILE_SYSTEM) node build/scripts/tee/package.js

server: build
	@node build/scripts/tee/server.js

measure: build
	@$(FILE_SYSTEM) SIGNER='$(SIGNER)' \
		node build/scripts/tee/measure.js

sbom: build
	@node build/scripts/sbom/main.js build/sbom.cdx.json

demo:
	@deploy/confml_aks_demo.sh

lock:
	@for lock in appdir/*.lock deploy/*.lock; do scripts/debian/lock.sh "$$lock"; done

image:
	docker build -t confml .

clean:
	rm -rf dist build coverage .demo appdir/root appdir/root.* node_modules
