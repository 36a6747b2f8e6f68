# Footfall. Two targets do all the set-up on a machine with Go, npm and make: demo and test.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

DEMO_DAYS ?= 35
DEMO_SEED ?= 1
KILLS ?= 200
SOAK ?= 2m
ENGINE_DIR := deploy/engine
ENGINE_STAMP := $(ENGINE_DIR)/node_modules/.footfall-installed
BROWSER_DIR := deploy/browser
BROWSER_STAMP := $(BROWSER_DIR)/node_modules/.footfall-installed
KAFKA_LIBS := .cache/kafka-libs
KAFKA_STAMP := $(KAFKA_LIBS)/.footfall-installed
# The end-to-end tests that are run once more on Apache Kafka itself.
KAFKA_E2E := ^(TestReplayMakesTheSameTables|TestKilledWhileTheSensorSends|TestEveryRole.*)$$
LINT := go tool -modfile=.tools/go.mod golangci-lint
RACE := $(shell if [ "$$(go env CGO_ENABLED 2>/dev/null)" = 1 ] && command -v "$$(go env CC 2>/dev/null)" >/dev/null 2>&1; then echo -race; fi)
TESTFLAGS ?=

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: need-go
need-go:
	@command -v go >/dev/null 2>&1 || { echo "Go is not on this machine: install Go 1.26 or later (go.dev/doc/install), then run make again." >&2; exit 1; }

.PHONY: build
build: need-go ## both binaries into bin/
	@echo "building bin/footfall and bin/footfall-sensor"
	@go build -trimpath -o bin/footfall ./cmd/footfall
	@CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o bin/footfall-sensor ./cmd/footfall-sensor

.PHONY: release
release: need-go ## footfall-sensor for amd64, arm64, armv7, armv6 and mipsle into bin/release (VERSION=1.2.3)
	@deploy/build/sensor $(if $(VERSION),--version $(VERSION))

.PHONY: engine
engine: $(ENGINE_STAMP) ## the pinned ClickHouse engine for one box, from npm

$(ENGINE_STAMP): $(ENGINE_DIR)/package.json $(ENGINE_DIR)/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "npm is not on this machine: install Node.js 20 or later with npm, then run make again." >&2; exit 1; }
	@echo "fetching the ClickHouse engine with npm (about 140 MB, 540 MB unpacked; only the first time)"
	@npm ci --prefix $(ENGINE_DIR) --no-audit --no-fund --loglevel=error || { echo "npm could not fetch the engine: check the network or your npm registry setting, then run make again." >&2; exit 1; }
	@touch $@

# Only the tests want these; without a chromium they say that they are skipped.
$(BROWSER_STAMP): $(BROWSER_DIR)/package.json $(BROWSER_DIR)/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "npm is not on this machine: install Node.js 20 or later with npm, then run make again." >&2; exit 1; }
	@echo "fetching what drives a browser in tests with npm (about 20 MB; only the first time)"
	@npm ci --prefix $(BROWSER_DIR) --ignore-scripts --no-audit --no-fund --loglevel=error || { echo "npm could not fetch the browser tests' parts: check the network or your npm registry setting, then run make again." >&2; exit 1; }
	@touch $@

.PHONY: demo
demo: build engine ## five weeks of a simulated store through the whole pipeline (DEMO_DAYS=1 for one day)
	@bin/footfall demo --days $(DEMO_DAYS) --seed $(DEMO_SEED)
	@echo "make look shows these days as a web page on http://127.0.0.1:8080"

.PHONY: look
look: build engine ## the demo's store as a web page on http://127.0.0.1:8080 (after make demo)
	@bin/footfall look

.PHONY: test
test: need-go engine $(BROWSER_STAMP) ## every test this machine can run
	@if [ -n "$(RACE)" ]; then echo "go test with the race detector"; else echo "go test WITHOUT the race detector: no C compiler here (install gcc to have it)"; fi
	@go test $(RACE) -timeout 20m $(TESTFLAGS) ./...

$(KAFKA_STAMP): deploy/kafka/pom.xml
	@echo "fetching Apache Kafka with Maven (54 MB; only the first time)"
	@rm -rf "$(KAFKA_LIBS)"
	@mvn -q -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/$(KAFKA_LIBS)" || { echo "Maven could not fetch Apache Kafka: check the network or your Maven settings, then run make again." >&2; exit 1; }
	@touch $@

.PHONY: test-kafka
test-kafka: need-go engine ## the end-to-end and broker tests on Apache Kafka itself (needs Java 17 and Maven)
	@if ! command -v mvn >/dev/null 2>&1 || ! command -v java >/dev/null 2>&1; then echo "SKIP: make test-kafka needs Java 17 and Maven, which are not both on this machine"; exit 0; fi; \
	v=$$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1); \
	if [ "$${v:-0}" -lt 17 ]; then echo "SKIP: make test-kafka needs Java 17, this is Java $${v:-unknown}"; exit 0; fi; \
	$(MAKE) --no-print-directory $(KAFKA_STAMP) && \
	FOOTFALL_KAFKA_LIBS="$(CURDIR)/$(KAFKA_LIBS)" go test -count=1 -timeout 20m $(TESTFLAGS) ./ingest/... && \
	FOOTFALL_KAFKA_LIBS="$(CURDIR)/$(KAFKA_LIBS)" go test -count=1 -timeout 20m $(TESTFLAGS) -run "$(KAFKA_E2E)" ./cmd/footfall && \
	FOOTFALL_KAFKA_LIBS="$(CURDIR)/$(KAFKA_LIBS)" FOOTFALL_SOAK=20s go test -count=1 -timeout 20m $(TESTFLAGS) -run '^TestSoak$$' ./cmd/footfall-sensor

.PHONY: test-kills
test-kills: need-go ## sensors killed 200 times at random moments (KILLS=1000 for more); needs root and /dev/net/tun
	@echo "killing sensors $(KILLS) times: some minutes"
	@FOOTFALL_KILLS=$(KILLS) go test -count=1 -timeout 60m -v -run '^TestKills$$' ./cmd/footfall-sensor | { grep -v 'level=' || true; }

.PHONY: lab
lab: need-go ## the sensor on simulated radios in a virtual machine (needs qemu and a Debian kernel)
	@deploy/lab/prove

.PHONY: lint
lint: need-go ## gofmt, go vet, golangci-lint with the import rules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change these files; run gofmt -w on them:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet ./...
	@echo "golangci-lint (built from source the first time: a minute or two)"
	@$(LINT) run ./...

.PHONY: fuzz
fuzz: need-go ## every fuzz target for FUZZTIME (10m)
	@.ci/fuzz $${FUZZTIME:-10m}

.PHONY: bench
bench: need-go engine ## benchmarks, and the agent's memory at 2,000 frames/s for SOAK (2m): reports, decides nothing
	@go test -run '^$$' -bench . -benchmem -timeout 60m ./...
	@FOOTFALL_SOAK=$(SOAK) go test -count=1 -timeout 24h -v -run '^TestSoak$$' ./cmd/footfall-sensor

.PHONY: clean
clean: ## what make made, but not the downloads
	@rm -rf bin .demo .cache/demo
