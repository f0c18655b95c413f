# The front door. Every target asks nothing, installs what it needs where it can, and does only what is left to do.

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench setup web host components install

help:
	@echo 'make demo        build everything, run the example job once, leave the server running'
	@echo 'make test        run every test; the last line says how many passed and failed'
	@echo 'make lint        formatting and warnings, strictly'
	@echo 'make bench       the measurements of tests/bench'
	@echo 'make host        the program, target/debug/nomaflow, with its page'
	@echo 'make components  the plugins and the test guests'
	@echo 'make install     an optimized build under PREFIX (/usr/local), with manual pages and completions'

demo:
	@exec .ci/demo

test:
	@.ci/setup test
	@exec python3 tests/run

lint: web
	cargo fmt --all --check
	cd plugins && cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd plugins && cargo clippy --workspace --all-targets --target-dir ../target/guests-native -- -D warnings
	npm --prefix web run check

bench: host
	@.ci/setup test
	@target/debug/plugin-builder --all
	@exec tests/bench/run

setup:
	@.ci/setup build

web: setup
	@.ci/build-web

# The page goes into the program, so it comes first.
host: web
	CARGO_TARGET_DIR=target cargo build --workspace --bins

components: host
	@target/debug/plugin-builder --all

PREFIX ?= /usr/local

# The program, once more under the seeds' name, its manual pages and completions. DESTDIR is for those who make packages.
install: web
	CARGO_TARGET_DIR=target cargo build --release --locked --bin nomaflow
	install -D target/release/nomaflow $(DESTDIR)$(PREFIX)/bin/nomaflow
	ln -sf nomaflow $(DESTDIR)$(PREFIX)/bin/liberty-admin
	target/release/nomaflow man $(DESTDIR)$(PREFIX)/share/man/man1
	mkdir -p $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	ln -sf nomaflow.1 $(DESTDIR)$(PREFIX)/share/man/man1/liberty-admin.1
	for name in nomaflow liberty-admin; do \
	  program=$(DESTDIR)$(PREFIX)/bin/$$name && \
	  $$program completions bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name && \
	  $$program completions zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$name && \
	  $$program completions fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$name.fish || exit 1; \
	done
