# One word per habit; `make help` lists them. Every target works from a fresh clone: it sets up, builds, runs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-rules test-kernel test-page test-sdk check bench bench-cameras bench-sweep bench-cloud soak fuzz bless example picture ci clean

# Programs only administrators have on their PATH (nft, dnsmasq) are used by ordinary users here.
export PATH := $(PATH):/usr/sbin:/sbin
# The public clients that judge the fakes live in a place of their own.
export TESTBED_PYTHON := $(CURDIR)/.venv/bin/python

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# nextest's profile: `ci` goes on after a failure and writes target/nextest/ci/junit.xml.
PROFILE ?= default
# How long `make soak` and `make fuzz` may take; each has its own default.
BUDGET ?=
# Root makes namespaces without an AppArmor profile.
ALLOW_USERNS := $(if $(filter-out 0,$(shell id -u)),scripts/setup userns,@true)
# Ubuntu has Chromium as a snap only, which containers and build machines rarely can have: there `make ci` opens the page,
# and `make test` does not.
SNAP_ONLY := $(shell grep -Eqs '^ID(_LIKE)?=.*ubuntu' /etc/os-release && echo yes)
PROGRAMS := -p testbed -p fake-cloud -p fake-camera -p fake-appliance

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

setup: ## install what the targets below need (each does it by itself, too)
	scripts/setup run
	scripts/setup test
	scripts/setup page
	scripts/setup check
	scripts/setup kernel

demo: ## build, then run the shipped scenarios; evidence goes to runs/
	scripts/setup run
	cargo build --release --locked $(PROGRAMS)
	$(ALLOW_USERNS) $(TARGET)/release/testbed
	$(TARGET)/release/testbed run scenarios --out runs --accept-unsupported scenarios/unsupported.yaml </dev/null

test: ## every test: units, snapshots, labs, scenarios, broken twins, examples in the documentation
	scripts/setup test
	@# With the tests: their dependencies add features, and the programs would be built twice.
	cargo build --locked --workspace --bins --tests
	$(ALLOW_USERNS) $(TARGET)/debug/testbed $(TARGET)/debug/deps
	cargo nextest run --locked --workspace --profile $(PROFILE) </dev/null
	cargo test --locked --workspace --doc
	$(if $(SNAP_ONLY),@echo 'report.html is not opened in a browser here: make test-page does that',$(MAKE) test-page)

test-page: ## opens report.html in headless Chromium: links, colours, keyboard, screen readers, phone, print
	scripts/setup page
	cargo nextest run --locked --workspace --profile page </dev/null

test-sdk: ## AWS's SDK for Rust at the fake cloud: CloudWatch in its CBOR form
	scripts/setup run
	cargo build --locked --workspace --bins --tests
	FAKE_CLOUD=$(TARGET)/debug/fake-cloud CARGO_TARGET_DIR=$(TARGET)/sdk \
	    cargo test --locked --manifest-path sdk-tests/Cargo.toml </dev/null

test-rules: ## rule files that are wrong in ways no port scan notices: each is found, by everything that can be sent
	scripts/setup run
	cargo build --release --locked $(PROGRAMS)
	$(ALLOW_USERNS) $(TARGET)/release/testbed
	$(TARGET)/release/testbed run scenarios/rules/one-router.yaml --out runs </dev/null
	$(TARGET)/release/testbed twins scenarios/rules/one-router.yaml --jobs 2 --out runs </dev/null
	$(TARGET)/release/testbed run scenarios/rules/one-switch.yaml --out runs </dev/null
	$(TARGET)/release/testbed twins scenarios/rules/one-switch.yaml --jobs 2 --out runs </dev/null

test-kernel: ## what needs a stock kernel: boots one under emulation, without root or KVM
	scripts/setup kernel
	scripts/kernel-lane

check: ## formatting, lints, documentation, licences, shell scripts: warnings are errors
	scripts/setup check
	cargo fmt --all --check
	cargo fmt --manifest-path sdk-tests/Cargo.toml --check
	shellcheck scripts/* .ci/run
	cargo deny --locked --all-features check --hide-inclusion-graph licenses bans sources
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

bench: ## build and tear down stars of 10 to 1000 hosts beside the bare kernel and other tools; judge 100 cameras
	scripts/setup run
	$(ALLOW_USERNS) $(TARGET)/release/gone $(TARGET)/release/whole $(TARGET)/release/testbed
	scripts/bench

bench-cameras: ## 64 fake cameras pulled at once, beside GStreamer's own server with the same recording and live; and 256 of which 16 stream
	scripts/setup bench
	cargo build --release --locked --workspace
	$(ALLOW_USERNS) $(TARGET)/release/testbed
	benches/cameras 64 60
	$(TARGET)/release/whole $(TARGET)/release/testbed run benches/sites/many-cameras.yaml --out $(TARGET)/bench/runs

bench-sweep: ## everything sent to one host: by testbed, by a bare sender, and what nmap gets right of it
	scripts/setup bench
	$(ALLOW_USERNS) $(TARGET)/release/testbed
	scripts/bench-sweep

bench-cloud: ## signed metrics at a steady rate, to the fake cloud and to moto; 200 MQTT clients at the fake cloud
	scripts/bench-cloud

soak: ## long repetitions for BUDGET (90m), of all PARTS or some (quiet busy twins kills); goes on where it stopped, notes figures in docs/measurements.md
	scripts/setup test
	$(ALLOW_USERNS) $(TARGET)/release/testbed $(TARGET)/debug/testbed $(TARGET)/debug/deps
	scripts/soak $(or $(BUDGET),90m) $(PARTS)

fuzz: ## what nobody means to send, at every reader of RTSP, SDP, SOAP and discovery, for BUDGET (60m)
	scripts/setup test
	scripts/fuzz $(or $(BUDGET),60m)

bless: ## accept what the snapshot tests see now (look at git diff afterwards)
	INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo nextest run --locked --workspace --no-fail-fast </dev/null \
	    -E 'not binary(/^(lab|scenarios|twins|nothing_left)$$/)'
	git status --short -- '*.snap'

example: ## run the documentation's example anew, and keep its run folder
	cargo build --locked $(PROGRAMS)
	cd docs/example && rm -rf run runs && $(TARGET)/debug/testbed run door.yaml --out runs </dev/null \
	    && mv runs/*-door run && rmdir runs

picture: ## take the README's picture of a report anew, of a run that fails
	scripts/setup page
	cargo build --release --locked $(PROGRAMS)
	$(ALLOW_USERNS) $(TARGET)/release/testbed
	scripts/picture

ci: ## what .ci/run calls: check, test, test-page, test-sdk, test-rules, test-kernel
	$(MAKE) check
	$(MAKE) test PROFILE=ci
	$(if $(SNAP_ONLY),$(MAKE) test-page)
	$(MAKE) test-sdk
	$(MAKE) test-rules
	$(MAKE) test-kernel

clean: ## remove what was built and all evidence
	cargo clean
	rm -rf runs .venv
