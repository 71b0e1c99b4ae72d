# confml: `make help` lists the commands.
SHELL := /bin/sh
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: help build run serve test docs fuzz tamper bench soak clean image appdir unsigned sign package npm-package server measure measured lock sbom page demo pin-images check-node

PORT ?= 8000
MODEL ?=
LABELS ?=
MANIFEST ?=
IMAGES ?=
OWNERS ?=
CONFIG ?=
EXTRA_LIBS ?=
SIGNER ?=
TEE ?=
SAMPLES ?=
BENCH ?=
FUZZ_SECONDS ?= 60
ONLY ?=
TARGET ?=
INPUT ?=
SEED ?=
SOAK ?=
SOAK_REQUESTS ?=
SERVERS ?=

# No recipe's programs get these but those that say so: an npm package's code, a compiler and a test have no use for
# them. Such a target has no prerequisites, which would inherit what it exports. (scripts/tee/secrets.ts has the list.)
SECRETS := SSR_PKEY CLIENT_SECRET AZURE_CLIENT_SECRET AZURE_CLIENT_CERTIFICATE_PASSWORD AZURE_PASSWORD \
  GITHUB_TOKEN GH_TOKEN ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_RUNTIME_TOKEN
$(foreach name,$(SECRETS),$(if $(filter command,$(firstword $(origin $(name)))),$(error \
  $(name) is on the command line, where every user of this machine sees it: set it in the environment)))
unexport $(SECRETS)
sign package measure: export SSR_PKEY := $(value SSR_PKEY)
run server demo: export CLIENT_SECRET := $(value CLIENT_SECRET)
# For what such a target has to have built.
MAKE_WITHOUT_SECRETS := env $(SECRETS:%=-u %) $(MAKE) --no-print-directory

BIN := node_modules/.bin
SERVER_SOURCES := $(shell find src -name '*.ts')
PAGE_SOURCES := scripts/page.mjs $(if $(wildcard client),$(shell find client -type f ! -path 'client/node/*'))
TOOL_SOURCES := $(shell find owners emulator scripts $(wildcard client bench fuzz soak test/helpers) -name '*.ts')
FILE_SYSTEM := CONFIG='$(CONFIG)' MANIFEST='$(MANIFEST)' EXTRA_LIBS='$(EXTRA_LIBS)'

help:
	@echo 'make                build (installs what it needs from the npm registry)'
	@echo 'make run            the demo: three plain, then the same three encrypted images'
	@echo 'make serve          emulator and server on PORT ($(PORT)) until Ctrl-C'
	@echo '  OWNERS=2                    with make serve: a second data owner, with a vault of its own'
	@echo '  MODEL=x.onnx LABELS=y.txt   with either: another classifier (or MANIFEST=z.json)'
	@echo '  IMAGES="a.jpg b.jpg"        with make run: other pictures'
	@echo '  TEE=sgx, linux or none      with make run: in an enclave, in Mystikos without one, on plain Node'
	@echo 'make test           every check'
	@echo '  ONLY="test/http test/x.test.ts"  the static checks, and the tests of these paths alone'
	@echo 'make docs           write the documents that are generated: configuration, import rule, list of decisions'
	@echo 'make fuzz           inputs made by mutation for every parser, each for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo '  TARGET=jwe SEED=1           one parser alone; the inputs of that seed'
	@echo '  INPUT=fuzz/corpus/jwe/x     with TARGET: this input alone'
	@echo 'make tamper         quotes from real hardware with every byte changed in turn: 5 minutes'
	@echo 'make bench          what it costs beside a plain server: 15 minutes, results in bench/results'
	@echo '  BENCH="--quick --only load" less of it (BENCH=--help)'
	@echo 'make soak           20,000 mixed requests, then the largest pictures in MemorySize: does it leak, does it hold?'
	@echo '  SOAK_REQUESTS=2000           fewer of them'
	@echo '  SOAK="--only load"           less of it (SOAK=--help)'
	@echo 'make appdir         the file system of the TEE, in appdir/root'
	@echo '  CONFIG=a.json MANIFEST=b.json  what goes in (config.json, models/demo/model.json)'
	@echo '  EXTRA_LIBS=DIR                 an SSR client library of your own, with what it needs'
	@echo 'make package        the signed package for Mystikos, in build/tee: SSR_PKEY is the key that signs it'
	@echo '  make unsigned, make sign       its two steps: the first runs every build tool, the second alone has the key'
	@echo 'make server         the package, run in an SGX enclave'
	@echo 'make measure        what owners put in their release policies'
	@echo '  SIGNER=public.pem            whose MRSIGNER it prints (or SSR_PKEY)'
	@echo 'make npm-package    the owners'"'"' commands as an npm package, build/package/commands.tgz'
	@echo 'make page           the page for browsers as one file, build/page/confml.html, and its SHA-256'
	@echo '  SERVERS="https://a.example:8443"  it may speak with these servers alone: another hash'
	@echo 'make sbom           the bill of materials of what is in it (CycloneDX)'
	@echo 'make demo           the demo on Azure Kubernetes Service: RESOURCE_GROUP, CLUSTER_NAME, IMAGE'
	@echo 'make lock           newest versions of the packages from Debian'
	@echo 'make pin-images     digests of the base images, from their registries (needs docker)'
	@echo 'make image          the same file system as a container image (needs docker)'
	@echo 'make clean          remove what was made'

build: dist/main.js build/.tools

check-node:
	@scripts/check-node.sh

# npm ci writes this file last.
node_modules/.package-lock.json: package.json package-lock.json .npmrc | check-node
	npm ci --no-audit --no-fund
	@touch $@

dist/main.js: node_modules/.package-lock.json tsconfig.json scripts/compile.sh $(SERVER_SOURCES) $(PAGE_SOURCES)
	scripts/compile.sh dist

build/.tools: dist/main.js tsconfig.json tsconfig.tools.json $(SERVER_SOURCES) $(TOOL_SOURCES)
	$(BIN)/tsc -p tsconfig.tools.json
	@mkdir -p build/dist/image
	@cp dist/image/resize.wasm build/dist/image/
	@chmod +x build/owners/main.js
	@touch $@

OPTIONS = --model '$(MODEL)' --labels '$(LABELS)' --manifest '$(MANIFEST)'

run:
	+@$(MAKE_WITHOUT_SECRETS) build
	@TEE='$(TEE)' SAMPLES='$(SAMPLES)' node build/scripts/demo/run.js $(OPTIONS) $(IMAGES)

serve: build
	@node build/scripts/demo/serve.js $(OPTIONS) --port '$(PORT)' --owners '$(OWNERS)' $(IMAGES)

test: build
	@scripts/test.sh $(ONLY)

docs: build
	@node build/scripts/docs/main.js

fuzz: build
	@node build/fuzz/main.js --seconds '$(FUZZ_SECONDS)' --target '$(TARGET)' --seed '$(SEED)' --input '$(INPUT)'

tamper: build
	@TAMPER=all NODE_OPTIONS='--experimental-vm-modules --no-warnings' \
	  $(BIN)/jest --testTimeout 1800000 test/client/quote/tampered

bench: build
	@node build/bench/main.js $(BENCH)

soak: build
	@SOAK_REQUESTS='$(SOAK_REQUESTS)' node build/soak/main.js $(SOAK)

appdir: build
	@$(FILE_SYSTEM) scripts/appdir.sh

# What is signed is built without the key, and signed without npm's build tools or a compiler.
unsigned: build
	@$(FILE_SYSTEM) node build/scripts/tee/unsigned.js

sign:
	@CONFIG='$(CONFIG)' node build/scripts/tee/sign.js

package:
	+@$(MAKE_WITHOUT_SECRETS) build
	@CONFIG='$(CONFIG)' node build/scripts/tee/sign.js --check
	+@$(MAKE_WITHOUT_SECRETS) unsigned
	@CONFIG='$(CONFIG)' node build/scripts/tee/sign.js

server:
	+@$(MAKE_WITHOUT_SECRETS) build
	@node build/scripts/tee/server.js

measure:
	+@$(MAKE_WITHOUT_SECRETS) measured
	@CONFIG='$(CONFIG)' SIGNER='$(SIGNER)' node build/scripts/tee/measure.js

measured: build
	@$(FILE_SYSTEM) node build/scripts/tee/unsigned.js build/measure

npm-package: build
	@scripts/npm-package.sh

sbom: build
	@node build/scripts/sbom/main.js build/sbom.cdx.json

# From the same sources as dist/http/page.html: the same bytes, unless SERVERS are named.
page: build
	@node scripts/page.mjs build/page/confml.html $(SERVERS)

demo:
	@deploy/confml_aks_demo.sh

lock:
	@for lock in appdir/*.lock deploy/*.lock; do scripts/debian/lock.sh "$$lock"; done

pin-images:
	@scripts/pin-images.sh

image:
	docker build -t confml .

clean:
	rm -rf dist build coverage .demo appdir/root appdir/root.* node_modules
