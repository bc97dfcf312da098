# make test is all that a fresh Debian 12 with Go needs: it installs what is missing and runs everything.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO ?= go

.PHONY: test lint bench tools generate build

test: tools lint
	$(GO) test -race -timeout 20m -json ./... | $(GO) run ./internal/testlog

lint:
	@echo "gofmt, go vet, staticcheck"
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	@$(GO) vet ./...
	@$(GO) tool staticcheck ./...

# bench needs halog (in the package haproxy) and mawk; it writes a log of about 1.2 GB.
bench: tools
	$(GO) run ./internal/bench

generate:
	$(GO) generate ./...

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o limpet ./cmd/limpet

# tools installs the programs that tests run, from Debian's packages, if they are missing.
tools:
	@.ci/tools
