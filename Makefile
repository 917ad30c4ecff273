# Everything a contributor runs, one word each. `make` prints this list.
.DEFAULT_GOAL := help
TOOL = GOWORK=off go tool -modfile=tools/go.mod

.PHONY: help
help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## push, list and pull a real image on the embedded registry
	go run ./cmd/acrkit demo

.PHONY: build
build: ## build the command into bin/acrkit
	go build -o bin/acrkit ./cmd/acrkit

.PHONY: man
man: ## the manual pages of every command into dist/man1
	go run ./cmd/acrkit man dist/man1

.PHONY: image
image: ## the emulator's container image into dist/: an OCI layout, and archives to load
	go run ./cmd/acrkit/internal/emulatorimage -out dist -version $(or $(VERSION),dev)

.PHONY: test
test: ## the tests a newcomer runs
	go test work

.PHONY: race
race: ## the same under the race detector
	go test -race work

.PHONY: soak
soak: ## 64 clients at once on one emulator for SOAK (1m), under the race detector
	ACRKIT_SOAK=$(or $(SOAK),1m) go test -race -count=1 -run TestManyClientsAtOnce ./emulator

.PHONY: lint
lint: ## gofumpt, vet and staticcheck over every module
	.ci/lint

.PHONY: setup
setup: ## install what interop/ drives and Go doesn't bring (skopeo, umoci, node, …)
	.ci/install

.PHONY: interop
interop: ## strangers: the OCI conformance suite, foreign clients, foreign registries
	cd interop/conformance && go test ./...
	cd interop/cosign && go test ./...
	cd interop && PATH="$$PATH:$(CURDIR)/.ci/bin" go test ./...

.PHONY: bench
bench: ## us and the peers on the same work, with ratios (bench/)
	cd bench && go run .

.PHONY: bench-publish
bench-publish: ## the same, into the chart that the README shows
	cd bench && go run . -json published/bench.json -svg published/bench.svg

.PHONY: bench-growth
bench-growth: ## time against size, number, distance and tags, into the chart that the README shows
	cd bench && go run . -growth -rounds 1 -json published/growth.json -svg published/growth.svg

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME (10s) each
	.ci/fuzz $(or $(FUZZTIME),10s)

.PHONY: fmt
fmt: ## format everything
	$(TOOL) gofumpt -w .

.PHONY: ci
ci: ## what CI runs, from a bare machine
	.ci/run
