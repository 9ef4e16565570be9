# achuan: `make demo` runs it without an account, `make check` is the whole gate.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
FUZZTIME ?= 60s
SOAK     ?= 10m

# The tools' own module keeps their dependencies out of ours.
TOOL := go tool -modfile=tools/go.mod
BIN  := $(CURDIR)/bin/achuan

# Where JSON is read or written: tested with both implementations behind
# encoding/json, because releases are built with the faster one.
JSON_PACKAGES := ./internal/openai/... ./internal/emulate/... ./internal/platform/... ./internal/simulator/... \
	./internal/httpapi/... ./internal/gateway/... ./internal/conversation/... ./internal/app/...

# What a request passes on its way, measured without the network.
BENCH_PACKAGES := ./internal/sse ./internal/platform ./internal/openai ./internal/access ./internal/telemetry

MODULES := . tools tools/workflow test/deploy test/sdk-go

# What is released, and how: nothing of the machine, the folder or the time gets into
# a binary, so that two builds of one commit are the same bytes.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
DIST      ?= $(CURDIR)/dist
HOST      := $(shell go env GOOS)/$(shell go env GOARCH)
GO_BUILD   = CGO_ENABLED=0 GOFLAGS= GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT=jsonv2 go build -trimpath -buildvcs=false \
	-ldflags "-s -w -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT)"
SHA256SUM := $(shell command -v sha256sum || echo shasum -a 256)

.DEFAULT_GOAL := help
.PHONY: help build demo dev test test-go test-jsonv2 test-sdk test-deploy check bench bench-conversation bench-store fuzz lint fmt fmt-check tidy-check clean release release-check soak

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

build: ## build bin/achuan as releases are built
	$(GO_BUILD) -o $(BIN) ./cmd/achuan

release: ## build dist/ for PLATFORMS, with checksums
	rm -rf $(DIST) && mkdir -p $(DIST)
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*}; arch=$${platform#*/}; name=achuan_$${os}_$$arch; \
		if [ $$os = windows ]; then name=$$name.exe; fi; \
		echo "building $$name $(VERSION)"; \
		GOOS=$$os GOARCH=$$arch $(GO_BUILD) -o $(DIST)/$$name ./cmd/achuan; \
	done
	cd $(DIST) && $(SHA256SUM) achuan_* >SHA256SUMS

# The second build has a folder and a cache of its own, so that it has nothing of the first.
release-check: ## build what this machine runs twice, from nothing and elsewhere, and compare
	@set -e; elsewhere=$$(mktemp -d); trap 'chmod -R u+w '$$elsewhere' && rm -rf '$$elsewhere EXIT; \
	mkdir $$elsewhere/source; git ls-files -z | tar -c --null -T - | tar -x -C $$elsewhere/source; \
	$(MAKE) --no-print-directory release PLATFORMS=$(HOST) DIST=$$elsewhere/one; \
	GOCACHE=$$elsewhere/cache $(MAKE) --no-print-directory -C $$elsewhere/source release PLATFORMS=$(HOST) DIST=$$elsewhere/two VERSION=$(VERSION) COMMIT=$(COMMIT); \
	cat $$elsewhere/one/SHA256SUMS; cmp $$elsewhere/one/SHA256SUMS $$elsewhere/two/SHA256SUMS && echo "both builds are the same"

demo: build ## serve on 127.0.0.1:8000 without an account
	$(BIN) serve --demo

dev: ## serve the demo and restart it when a file changes
	$(TOOL) air -c tools/air.toml

test: test-go test-jsonv2 test-sdk test-deploy ## run every test

test-go:
	@command -v promtool >/dev/null || echo "promtool is not here (Debian: package prometheus): the tests of alerts and dashboard are skipped"
	go vet ./...
	go test -race ./...

test-jsonv2:
	GOEXPERIMENT=jsonv2 go test $(JSON_PACKAGES)

test-sdk: build
	cd test/sdk-go && ACHUAN_BIN=$(BIN) go test -count=1 ./...
	cd test/sdk-node && npm ci --no-audit --no-fund && ACHUAN_BIN=$(BIN) npm test
	cd test/agents && npm ci --no-audit --no-fund && ACHUAN_BIN=$(BIN) npm test

# The schemas that others have published, in modules of their own.
test-deploy:
	cd test/deploy && go vet ./... && go test -count=1 ./... && npm ci --no-audit --no-fund && npm test

check: fmt-check lint tidy-check test release-check ## all that must hold before a change lands; CI runs this

bench: build ## measure the built binary beside the floor, and allocations in process
	ACHUAN_BIN=$(BIN) go run ./bench
	GOEXPERIMENT=jsonv2 go test -run '^$$' -bench . -benchmem -benchtime 100ms $(BENCH_PACKAGES)

bench-conversation: ## measure placement and turns, without a platform
	GOEXPERIMENT=jsonv2 go test -run '^$$' -bench . ./internal/conversation

bench-store: ## measure the stores, with 1,000,000 sessions in each
	ACHUAN_BENCH_SESSIONS=1000000 go test -run '^$$' -bench . -timeout 30m ./internal/store

soak: ## load a server with all kinds of requests and faults for SOAK (10m), and see that nothing grows
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
	go tool -modfile=tools/workflow/go.mod actionlint deploy/push/deploy.yml

fmt: ## format the code and sort its imports
	$(TOOL) golangci-lint fmt ./...

fmt-check:
	@unformatted=$$(gofmt -l cmd internal bench test); \
		if [ -n "$$unformatted" ]; then echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; fi

tidy-check: ## tell what go mod tidy would change
	@set -e; for module in $(MODULES); do (cd $$module && go mod tidy -diff); done

clean: ## remove what was built
	rm -rf bin dist
