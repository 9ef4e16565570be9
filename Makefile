# achuan: `make demo` runs it without an account, and `make check` runs every check.

# The version is a constant in the code. Git adds the commit only.
VERSION ?= $(shell sed -n 's/^const version = "\(.*\)"$$/\1/p' cmd/achuan/version.go)
COMMIT  ?= $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null)
FUZZTIME ?= 60s
SOAK     ?= 10m

# The tools have a module of their own, so that their dependencies stay out of ours.
TOOL := go tool -modfile=tools/go.mod
BIN  := $(CURDIR)/bin/achuan

# The packages that read or write JSON. Their tests run with both implementations of
# encoding/json, because releases are built with the faster one.
JSON_PACKAGES := ./internal/anthropic ./internal/gemini ./internal/ollama ./internal/responses ./internal/openai/... ./internal/emulate/... ./internal/platform/... ./internal/simulator/... \
	./internal/httpapi/... ./internal/gateway/... ./internal/conversation/... ./internal/app/...

# The packages on the path of a request, measured without the network.
BENCH_PACKAGES := ./internal/sse ./internal/platform ./internal/openai ./internal/access ./internal/telemetry

MODULES := . tools tools/workflow test/deploy test/sdk-go

# Release builds. Nothing of the machine, the folder or the time gets into a binary, so
# that two builds of one commit are the same bytes. The tag leaves out a page of gRPC about its own traces. The page uses
# html/template, which looks up methods by name, so that the linker would keep every exported method of every type.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
DIST      ?= $(CURDIR)/dist
HOST      := $(shell go env GOOS)/$(shell go env GOARCH)
GO_BUILD   = CGO_ENABLED=0 GOFLAGS= GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT=jsonv2 go build -trimpath -buildvcs=false -tags grpcnotrace \
	-ldflags "-s -w -buildid= -X main.commit=$(COMMIT)"
# A binary for linux/amd64 may have this many bytes, 5 % more than it had when the number was set.
MAX_BINARY := 28300000
SHA256SUM := $(shell command -v sha256sum || echo shasum -a 256)

.DEFAULT_GOAL := help
.PHONY: help build demo dev test test-go test-properties test-jsonv2 test-sdk test-deploy check bench bench-conversation bench-store fuzz lint fmt fmt-check tidy-check clean release release-check release-notes rename-module version soak

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 20

build: ## build bin/achuan with the flags of a release
	$(GO_BUILD) -o $(BIN) ./cmd/achuan

version: ## print the version
	@echo $(VERSION)

release: ## build binaries for PLATFORMS into dist/, with checksums
	rm -rf $(DIST) && mkdir -p $(DIST)
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*}; arch=$${platform#*/}; name=achuan_$${os}_$$arch; \
		if [ $$os = windows ]; then name=$$name.exe; fi; \
		echo "building $$name $(VERSION)"; \
		GOOS=$$os GOARCH=$$arch $(GO_BUILD) -o $(DIST)/$$name ./cmd/achuan; \
	done
	cd $(DIST) && $(SHA256SUM) achuan_* >SHA256SUMS

# The second build has a folder and a cache of its own, so that it reuses nothing of the first.
release-check: ## build this machine's binary twice and check that both are the same bytes and not too many
	@set -e; elsewhere=$$(mktemp -d); trap 'chmod -R u+w '$$elsewhere' && rm -rf '$$elsewhere EXIT; \
	mkdir $$elsewhere/source; git ls-files -z | tar -c --null -T - | tar -x -C $$elsewhere/source; \
	$(MAKE) --no-print-directory release PLATFORMS=$(HOST) DIST=$$elsewhere/one; \
	GOCACHE=$$elsewhere/cache $(MAKE) --no-print-directory -C $$elsewhere/source release PLATFORMS=$(HOST) DIST=$$elsewhere/two COMMIT=$(COMMIT); \
	cat $$elsewhere/one/SHA256SUMS; cmp $$elsewhere/one/SHA256SUMS $$elsewhere/two/SHA256SUMS; echo "both builds are the same"; \
	if [ $(HOST) = linux/amd64 ]; then \
		size=$$(wc -c <$$elsewhere/one/achuan_linux_amd64); echo "the binary has $$size bytes, at most $(MAX_BINARY)"; \
		[ $$size -le $(MAX_BINARY) ] || { echo "the binary is too large: see docs/performance.md, Binary and start" >&2; exit 1; }; \
	fi

release-notes: ## print the section of VERSION in CHANGELOG.md
	@awk -v version='$(VERSION)' ' \
		/^## / { wanted = $$2 == version; next } \
		wanted && (/./ || lines) { print; lines++ } \
		END { if (!lines) { print "CHANGELOG.md has no section for version " version >"/dev/stderr"; exit 1 } }' CHANGELOG.md

demo: build ## serve a simulated platform on 127.0.0.1:8000, without an account
	$(BIN) serve --demo

dev: ## serve the demo, and restart it when a file changes
	$(TOOL) air -c tools/air.toml

test: test-go test-properties test-jsonv2 test-sdk test-deploy ## run every test

test-go:
	@command -v promtool >/dev/null || echo "promtool is not installed (Debian: package prometheus): the tests of alerts and dashboard are skipped"
	go vet ./...
	go test -race -timeout 30m ./...

# test-go runs fewer worlds, because the race detector makes SQLite ten times slower.
test-properties: ## run the model of conversations in 100 worlds of 100 operations each
	go test -count=1 -run '^TestProperties$$' ./internal/conversation -rapid.checks=100

test-jsonv2:
	GOEXPERIMENT=jsonv2 go test $(JSON_PACKAGES)

test-sdk: build
	cd test/sdk-go && ACHUAN_BIN=$(BIN) go test -count=1 ./...
	cd test/sdk-node && npm ci --no-audit --no-fund && ACHUAN_BIN=$(BIN) npm test
	cd test/agents && npm ci --no-audit --no-fund && ACHUAN_BIN=$(BIN) npm test
	cd test/clients && npm ci --no-audit --no-fund
	ACHUAN_BIN=$(BIN) go test -count=1 -tags agents -run 'Agent|Compacts|SDKSteps' ./test/e2e

# The deployment files against published schemas, in modules of their own.
test-deploy:
	cd test/deploy && go vet ./... && go test -count=1 ./... && npm ci --no-audit --no-fund && npm test

check: fmt-check lint tidy-check test release-check ## run every check; CI runs this

bench: build ## measure the binary against a minimal server (3 minutes), and allocations in the process
	ACHUAN_BIN=$(BIN) go run ./bench
	GOEXPERIMENT=jsonv2 go test -run '^$$' -bench . -benchmem -benchtime 100ms $(BENCH_PACKAGES)

bench-conversation: ## measure placement and turns without a platform
	GOEXPERIMENT=jsonv2 go test -run '^$$' -bench . ./internal/conversation

bench-store: ## measure both stores with 1,000,000 sessions each
	ACHUAN_BENCH_SESSIONS=1000000 go test -run '^$$' -bench . -timeout 30m ./internal/store

soak: ## load a server with requests and faults for SOAK (10m), and check that nothing grows
	SOAK=$(SOAK) go test -count=1 -timeout 3h -run '^TestSoak$$' -v ./cmd/achuan

fuzz: ## fuzz every target for FUZZTIME (60s) each
	@set -e; for package in $$(go list ./...); do \
		tests=$$(go test -list '^Fuzz' $$package); \
		for target in $$(echo "$$tests" | grep '^Fuzz' || true); do \
			echo "fuzzing $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s $$package; \
		done; \
	done

lint: ## run the linters of .golangci.yml
	$(TOOL) golangci-lint run ./...
	go tool -modfile=tools/workflow/go.mod actionlint deploy/push/deploy.yml .github/workflows/*.yml

fmt: ## format the code and sort its imports
	$(TOOL) golangci-lint fmt ./...

fmt-check:
	@unformatted=$$(gofmt -l cmd internal bench test); \
		if [ -n "$$unformatted" ]; then echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; fi

tidy-check: ## fail if go mod tidy would change a module
	@set -e; for module in $(MODULES); do (cd $$module && go mod tidy -diff); done

rename-module: ## rename the module to MODULE in all files, to publish it under your own path
	@test -n '$(MODULE)' || { echo "usage: make rename-module MODULE=example.com/you/achuan" >&2; exit 1; }
	git ls-files -z '*.go' '*go.mod' .golangci.yml | OLD=$$(go list -m) NEW='$(MODULE)' xargs -0 perl -pi -e ' \
		s{(["(])\Q$$ENV{OLD}\E/(internal|cmd|bench|deploy|test)\b}{$$1$$ENV{NEW}/$$2}g; \
		s{^module \Q$$ENV{OLD}\E\b}{module $$ENV{NEW}}; \
		s{local-prefixes: \[\Q$$ENV{OLD}\E\]}{local-prefixes: [$$ENV{NEW}]}'

clean: ## remove bin/ and dist/
	rm -rf bin dist
