# Everything a newcomer types is here; `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 30s

# Packages with code; the lab needs root and other people's daemons.
UNIT := $(shell go list ./... 2>/dev/null | grep -v /lab/)

# What tests need beyond Go: a C compiler for the race detector, the counterparts,
# and tools to look at packets.
TEST_PACKAGES := gcc libc6-dev iproute2 iputils-ping procps iptables ipset conntrack util-linux bird2 frr gobgpd openbgpd etcd-server etcd-client traceroute
RACK_PACKAGES := iproute2 procps bird2 frr
LAB_PACKAGES := etcd-server etcd-client bird2 frr iptables ipset iproute2 iputils-ping traceroute tcpdump procps util-linux
BENCH_PACKAGES := bird2 frr gobgpd
HOST_BENCH_PACKAGES := iptables ipset conntrack bird2 iproute2 iputils-ping

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/heddle, bin/heddle-agent
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X heddle/internal/command.Release=$(VERSION)' -o bin/ ./cmd/heddle ./cmd/heddle-agent

.PHONY: demo
demo: lab-packages build ## the whole fabric on this machine: sessions, tables, packets, a move, a reflector that dies
	./lab/demo/run.sh

.PHONY: test
test: test-packages lint test-race test-scale test-lab ## everything, as CI runs it (root; installs what is missing)
	@echo "all tests passed"

.PHONY: test-quick
test-quick: lint ## what every commit must pass
	go test -short $(UNIT)

.PHONY: test-race
test-race: ## unit tests with the race detector
	CGO_ENABLED=1 go test -race -timeout 15m $(UNIT)

.PHONY: test-scale
test-scale: ## what the race detector leaves no time for: 100,000 routes and 100 peers
	go test ./reflector -run Hundred

.PHONY: test-lab
test-lab: build ## namespaces and other daemons (root)
	go test -count 1 -timeout 20m ./lab/...

.PHONY: test-long
test-long: build ## all stories of the fabric, five times in a row (root; about half an hour)
	go test ./lab/stories -count 5 -timeout 90m -v -args -long

.PHONY: proof
proof: lab-packages build ## docs/PROOF.md: what the fabrics of the lab live through, in packets (root; about seven minutes)
	set -e; for file in containerlab.yml lab/topologies/*/*.clab.yml; do bin/heddle lab test -t $$file --publish docs/PROOF.md; done

.PHONY: image
image: build ## heddle/lab, which containerlab.yml runs under containerlab (needs docker)
	docker build -t heddle/lab .

.PHONY: stories
stories: lab-packages build ## what the fabric lives through, in packets: reachability, moves, reflectors and etcd that die
	bin/heddle lab test

.PHONY: racks
racks: rack-packages ## the moves of docs/RACKS.md on this machine, with their figures (root)
	go test -v -count 1 ./lab/racks

.PHONY: hosts
hosts: test-packages ## what passes and what drops on a host with an agent, and what survives, in packets (root)
	go test -v -count 1 -timeout 15m ./lab/hosts

.PHONY: units-check
units-check: ## how exposed the systemd units are: 2.0 and 3.5 are the most that is wanted
	@for unit in packaging/systemd/*.service; do systemd-analyze security --offline=true $$unit | grep Overall; done

.PHONY: lint
lint: ## format, vet, staticcheck
	@unformatted=$$(go tool gofumpt -l .); if [ -n "$$unformatted" ]; then echo "not formatted (go tool gofumpt -w .):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

.PHONY: golden
golden: ## write the expected output of tests anew; read the diff
	go test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME each
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

.PHONY: bench
bench: bench-packages build ## docs/BENCHMARKS.md: heddle beside BIRD, FRR, GoBGP and a hub (root; about 40 minutes)
	bin/heddle bench suite --repeat 2 --write docs

.PHONY: bench-host
bench-host: host-bench-packages ## the agent beside BIRD and ip -batch, and its chains (root; about 5 minutes)
	go test ./lab/hosts -run '^$$' -bench . -benchtime 1x -timeout 15m

.PHONY: bench-quick
bench-quick: ## the micro-benchmarks beside the hot files, under two minutes
	go test ./peering/wire ./reflector ./reflector/rib -run '^$$' -bench .

.PHONY: test-packages
test-packages:
	@./lab/install-packages.sh $(TEST_PACKAGES)

.PHONY: bench-packages
bench-packages:
	@./lab/install-packages.sh $(BENCH_PACKAGES)

.PHONY: host-bench-packages
host-bench-packages:
	@./lab/install-packages.sh $(HOST_BENCH_PACKAGES)

.PHONY: rack-packages
rack-packages:
	@./lab/install-packages.sh $(RACK_PACKAGES)

.PHONY: lab-packages
lab-packages:
	@./lab/install-packages.sh $(LAB_PACKAGES)

.PHONY: clean
clean: ## remove what build made
	rm -rf bin
