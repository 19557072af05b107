# Isame: every task of the project. `make` alone prints this list.

GO            ?= go
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT       := mvdan.cc/gofumpt@v0.12.0

PKG       ?= ./...
PROGRAMS  := isame-lb isame-ctl isame-bench
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT    ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS   := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

BENCH     ?= .
BENCHTIME ?= 1x
COUNT     ?= 1
RUNS      ?= 1
# How many packages are tested at a time. Many tests wait, so it is one more than there are cores.
PACKAGES  ?= $(shell echo $$(($$(nproc) + 1)))
# Those that take longest begin first.
LONGEST   := ./engine ./cmd/isame-lb/e2e
FUZZTIME  ?= 10s
DURATION  ?= 60s
FAULT     ?= 10s
RELOADS   ?= 10000
HOLD      ?= 30s
TIMEOUT   ?= 35m

export PREFIX  ?= /usr/local
export DESTDIR ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/isame-lb, bin/isame-ctl and bin/isame-bench
	@mkdir -p bin
	@set -e; for program in $(PROGRAMS); do \
		echo "build bin/$$program $(VERSION)"; \
		CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags '$(LDFLAGS)' -o bin/$$program ./cmd/$$program; \
	done

.PHONY: install
install: ## install what build made, with systemd's unit (PREFIX=/usr/local DESTDIR=)
	@bash scripts/install.sh

.PHONY: run
run: ## start the balancer with its embedded default on :8080
	$(GO) run ./cmd/isame-lb

.PHONY: test
test: tools ## install what the tests need, then run everything with the race detector (PKG=)
	@$(MAKE) --no-print-directory race

.PHONY: tools
tools: ## install the Debian packages the tests use (nginx, haproxy, h2load, curl, testssl.sh)
	@bash scripts/install-tools.sh

.PHONY: race
race: ## run all tests, real binary included, with the race detector, RUNS=1 times in a row (PKG=)
	$(GO) test -race -p $(PACKAGES) -count=$(RUNS) -timeout $(TIMEOUT) $(if $(filter ./...,$(PKG)),$(LONGEST)) $(PKG)

.PHONY: alloc
alloc: ## run the allocation tests, which the race detector would disturb (PKG=)
	@bash scripts/alloc.sh $(PKG)

.PHONY: e2e
e2e: tools ## run only the tests against the real binary, verbosely
	$(GO) test -race -count=1 -timeout $(TIMEOUT) -v ./cmd/isame-lb/e2e

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME=10s (PKG=)
	@FUZZTIME=$(FUZZTIME) bash scripts/fuzz.sh $(PKG)

.PHONY: bench
bench: ## run each benchmark once (BENCH=regexp BENCHTIME=1x COUNT=1 PKG=)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -count $(COUNT) -timeout $(TIMEOUT) $(PKG)

.PHONY: compare
compare: build ## put Isame beside HAProxy, nginx and Caddy on this machine (SCENARIOS= ROUNDS=5)
	bash scripts/compare.sh

.PHONY: scale
scale: build ## start to first answer beside HAProxy, and the admin API, with 10,000 routes and 5,000 backends
	bin/isame-bench scale

.PHONY: headroom
headroom: build ## hold isame-ctl headroom against a search for the knee, on two cores; about 8 minutes (CASES= HOLD=30s)
	taskset -c 1 bin/isame-bench headroom --core 0 --cases "$(CASES)" --hold $(HOLD)

.PHONY: stages
stages: ## measure what stages of middleware cost, asked beside measured (BENCHTIME=500ms COUNT=5 ROUNDS=5)
	bash scripts/stages.sh

.PHONY: versus
versus: ## put this tree beside an older commit in paired rounds (BASE=HEAD~10 ROUNDS=31 SCENARIOS=)
	bash scripts/versus.sh

.PHONY: pgo
pgo: ## take the CPU profile isame-lb is built with, after changes of the hot path
	bash scripts/pgo.sh

.PHONY: resilience
resilience: build ## let origins go wrong behind isame-lb, asked beside measured (FAULT=10s SCENARIOS=)
	bin/isame-bench resilience --isame bin/isame-lb --duration $(FAULT) --scenarios "$(SCENARIOS)"

.PHONY: soak
soak: tools ## mixed load while backends die, certificates, configuration and binary change; 10,000 tunnels (DURATION=60s)
	ISAME_SOAK=$(DURATION) ISAME_STORM=$(DURATION) $(GO) test -count=1 -timeout 0 -v -run '^Test(Soak|MixedClientsSeeNoChange|IdleTunnels|Storm)$$' ./cmd/isame-lb/e2e

.PHONY: reloads
reloads: ## apply a configuration of 1,000 routes again and again under load (RELOADS=10000)
	ISAME_RELOADS=$(RELOADS) $(GO) test -count=1 -timeout 0 -v -run '^TestManyReloadsLeaveNothingBehind$$' ./cmd/isame-lb/e2e

.PHONY: upgrades
upgrades: tools ## replace isame-lb ten times under real clients, and reload HAProxy as often under the same
	ISAME_RIVAL=1 $(GO) test -count=1 -timeout 10m -v -run '^TestUpgradesUnderRealClients$$' ./cmd/isame-lb/e2e

.PHONY: fmt
fmt: ## format the code
	$(GO) run $(GOFUMPT) -l -w .

.PHONY: fmt-check
fmt-check: ## fail when a file is not formatted
	@unformatted="$$($(GO) run $(GOFUMPT) -l .)"; \
	if [ -n "$$unformatted" ]; then echo "not formatted, run 'make fmt':"; echo "$$unformatted"; exit 1; fi

.PHONY: vet
vet: ## run go vet
	$(GO) vet $(PKG)

.PHONY: lint
lint: ## run all linters, staticcheck included (nothing needs installing)
	$(GO) run $(GOLANGCI_LINT) run $(PKG)

.PHONY: layering
layering: ## check the arrows between the rooms, file sizes and test rules
	$(GO) test -count=1 ./cmd

.PHONY: check
check: fmt-check vet lint layering race alloc ## everything a change must pass

.PHONY: clean
clean: ## remove what build made
	rm -rf bin
