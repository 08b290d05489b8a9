# pgcert: `make help` lists the targets. GNU make; every file is found, none is listed.

# ---- set by users and packagers ----

MODE       ?= plain
V          ?= 0
CFLAGS     ?= -O2 -g
PKG_CONFIG ?= pkg-config
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib/pgcert
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/pgcert
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
SYSTEMDDIR ?= /usr/lib
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
# sysusers.d, tmpfiles.d and systemd/catalog are in SYSTEMDDIR
# also: CC CPPFLAGS LDFLAGS LDLIBS DESTDIR WERROR=1 FUZZ_SECONDS
FUZZ_SECONDS ?= 20

.DEFAULT_GOAL := all

# ---- what there is ----

ROOMS   := base acme acme/dns ca reload reload/target inotify cli
B       := build/$(MODE)
SRC     := $(wildcard $(addsuffix /*.c,$(ROOMS)))
OBJ     := $(SRC:%.c=$(B)/%.o)
LIB     := $(B)/libpgcert.a
FAKE    := $(patsubst %.c,$(B)/%.o,$(wildcard tests/fake/*.c))
TESTS   := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TIDY    := $(patsubst %.c,$(B)/tidy/%.ok,$(SRC) $(wildcard tests/*/*.c))
TEXT    := $(SRC) $(wildcard $(addsuffix /*.h,$(ROOMS)) tests/*/*.[ch])
MANUALS := $(wildcard $(addsuffix /*.[1-8],$(ROOMS) conf.d))
VERSION  = $(shell sed -n 's/^.define PGCERT_VERSION "\(.*\)"/\1/p' base/version.h)

Q   := $(if $(filter 1,$(V)),,@)
say  = $(if $(filter 1,$(V))$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-5s %s\n' $(1) $(2))

# ---- flags; which of them the compiler knows is asked once and kept in $(B)/flags.mk ----

# libcurl, libpq, libsystemd and libseccomp are loaded when they are needed (base/lazy.h): headers only
LINKED := openssl jansson inih libidn2 ldns expat
PKGS   := $(LINKED) libcurl libpq libsystemd libseccomp

# The same bytes wherever it is built.
MODE_plain := -ffile-prefix-map=$(CURDIR)=. $(if $(findstring -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
MODE_asan  := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all
MODE_cov   := --coverage -O0
MODE_fuzz  := -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer \
	-fno-sanitize-recover=all

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 \
	-Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference
WARN_IF_KNOWN := -Wjump-misses-init -Wduplicated-cond -Wduplicated-branches -Wlogical-op \
	-Wformat-signedness -Wtrampolines

# after the OpenSSF guide to hardening
HARD_plain := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
	-mbranch-protection=standard -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3
LINK_IF_KNOWN := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed

ALL_CPPFLAGS = -D_GNU_SOURCE -I. $(PKG_CPPFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(WARN) $(KNOWN) $(CFLAGS) -fPIE $(MODE_$(MODE)) $(if $(WERROR),-Werror)
ALL_LDFLAGS  = $(KNOWN_LINK) $(MODE_$(MODE)) $(CFLAGS) $(LDFLAGS)
ALL_LDLIBS   = $(PKG_LIBS) -ldl $(LDLIBS)

# These goals need no flags, so that they work where nothing is installed yet.
FLAGLESS := bench check clean coverage dist format fuzz help lint try uninstall
ifneq ($(filter-out $(FLAGLESS),$(or $(MAKECMDGOALS),all)),)
include $(B)/flags.mk
endif

# Another compiler or other flags: everything is made anew.
FLAGS_NOW := $(strip $(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(WERROR))
ifneq ($(FLAGS_NOW),$(FLAGS_THEN))
$(B)/flags.mk: FORCE
endif
FORCE:

known = for f in $(1); do $(CC) -Werror $$f $(2) -x c tests/lint/empty.c -o /dev/null 2>/dev/null && \
	printf ' %s' $$f; done

$(B)/flags.mk: Makefile
	@for p in "$(firstword $(CC))" $(PKG_CONFIG); do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	[ -n "$$missing" ] || for p in $(PKGS); do $(PKG_CONFIG) --exists $$p || missing="$$missing $$p"; done; \
	[ -z "$$missing" ] || { echo "these are not installed:$$missing"; \
		echo "on Debian this command gets them: sudo tests/packages.sh build"; exit 1; } >&2
	@mkdir -p $(@D) && { \
		echo 'FLAGS_THEN := $(FLAGS_NOW)'; \
		echo "PKG_CPPFLAGS := $$($(PKG_CONFIG) --cflags $(PKGS))"; \
		echo "PKG_LIBS := $$($(PKG_CONFIG) --libs $(LINKED))"; \
		echo "BUILT_WITH := $$(for p in $(PKGS); do \
			printf '{"%s", "%s"}, ' $$p "$$($(PKG_CONFIG) --modversion $$p)"; done)"; \
		echo "KNOWN :=$$($(call known,$(WARN_IF_KNOWN) $(HARD_$(MODE)),-c))"; \
		echo "KNOWN_LINK :=$$($(call known,$(LINK_IF_KNOWN),-fPIE))"; } >$@.part && mv $@.part $@

##@ Build

all: $(B)/pgcert ## build the program (MODE=plain|asan|cov|fuzz, CC=clang, WERROR=1, V=1)

$(B)/pgcert: $(B)/cli/main.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LDLIBS)

$(LIB): $(filter-out $(B)/cli/main.o,$(OBJ))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(B)/%.o: %.c $(B)/flags.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The one place that knows what it was built with.
$(B)/cli/cmd_version.o: ALL_CPPFLAGS += -DPGCERT_BUILT_WITH='$(BUILT_WITH)'

# The one place that knows where it will be installed.
$(B)/acme/dns/acmesh.o: ALL_CPPFLAGS += -DPGCERT_LIBDIR='"$(LIBDIR)"'
$(B)/acme/dns/acmesh.o: $(B)/libdir
$(B)/libdir: FORCE
	@mkdir -p $(@D) && { echo '$(LIBDIR)' | cmp -s - $@ || echo '$(LIBDIR)' >$@; }

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(FAKE) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(ALL_LDLIBS)

$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(ALL_LDLIBS)

tests: $(TESTS)

##@ Try and test (each installs the Debian packages that it needs and that are missing)

try: ## the main job on a throw-away installation, shown (as root; KEEP=1 leaves it running)
	@tests/packages.sh try
	@tests/try.sh

check: ## lint and every test (as root; MODE=asan, REQUIRE=1: a skipped test fails; FILES=, SUITE=trixie)
	@tests/packages.sh $(if $(SUITE),suite,test)
	@MODE=$(MODE) $(if $(SUITE),tests/world/suite $(SUITE)) tests/run.sh $(FILES)

bench: ## how fast it is, beside lego and certbot, openssl, easy-rsa and certtool (as root)
	@tests/packages.sh bench
	@tests/bench/run.sh

fuzz: ## run every fuzzer for FUZZ_SECONDS (20); a crash fails
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang fuzz-all

fuzz-all: $(FUZZERS:%=run-%)

# What is found goes into the first folder; the seeds in the tree stay as they are.
run-%: $(B)/tests/fuzz/%
	@mkdir -p $(B)/corpus/$*
	@$< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -close_fd_mask=1 \
		-artifact_prefix=$(B)/$*- $(B)/corpus/$* $(wildcard tests/fuzz/corpus/$*) \
		2>$(B)/$*.log || { tail -n 40 $(B)/$*.log; echo "FAIL  $*"; exit 1; }
	@sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) .*/ok    $*: \1 inputs in \2 s/p' $(B)/$*.log

coverage: ## which lines the unit tests reach (COVER="tests/e2e/*.bats": others)
	@tests/lint/coverage.sh $(COVER)

##@ The text itself

lint: ## layers, layout, clang-tidy, scripts, manuals, units
	@tests/lint/run.sh

format: ## lay out all C
	@clang-format -i $(TEXT)

tidy: $(TIDY)

# After the object, so that a changed header brings both anew.
$(B)/tidy/%.ok: %.c $(B)/%.o .clang-tidy tests/lint/analyzer.h
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D) && clang-tidy --quiet --warnings-as-errors='*' $< -- $(ALL_CPPFLAGS) -std=c11 $(WARN) \
		$(if $(filter base/err.c,$<),,-include tests/lint/analyzer.h) >$(@:.ok=.log) 2>&1 || \
		{ grep -E '(error|warning): ' $(@:.ok=.log); exit 1; }
	$(Q)touch $@

manual: $(B)/pgcert ## bring settings, commands and options in the manuals up to the code
	@tests/lint/manual.sh --write $(B)/pgcert

##@ Install

# FILE:PLACE, each. Of units/ those for systemd itself, and what its helpers read.
UNIT_FILES := $(wildcard $(addprefix units/*.,service timer socket path target))
INSTALLED = \
	acme/dns/acmesh-shim.sh:$(LIBDIR)/acmesh-shim.sh \
	$(foreach m,$(MANUALS),$m:$(MANDIR)/man$(patsubst .%,%,$(suffix $m))/$(notdir $m)) \
	$(foreach u,$(UNIT_FILES),$u:$(UNITDIR)/$(notdir $u)) \
	$(foreach u,$(wildcard units/*.sysusers),$u:$(SYSTEMDDIR)/sysusers.d/$(basename $(notdir $u)).conf) \
	$(foreach u,$(wildcard units/*.tmpfiles),$u:$(SYSTEMDDIR)/tmpfiles.d/$(basename $(notdir $u)).conf) \
	$(foreach u,$(wildcard units/*.catalog),$u:$(SYSTEMDDIR)/systemd/catalog/$(notdir $u)) \
	$(foreach e,$(wildcard conf.d/*.conf conf.d/*.yml conf.d/*.json),$e:$(DOCDIR)/examples/$(notdir $e)) \
	$(foreach u,$(wildcard units/*.drop-in),$u:$(DOCDIR)/examples/$(basename $(notdir $u)).conf) \
	$(B)/completion/bash:$(BASHDIR)/pgcert \
	$(B)/completion/zsh:$(ZSHDIR)/_pgcert \
	$(B)/completion/fish:$(FISHDIR)/pgcert.fish
# What the administrator changes: never over a file that is there.
SETTINGS = $(foreach u,$(wildcard units/*.conf),$u:$(SYSCONFDIR)/pgcert/conf.d/$(notdir $u))

# What the scripts of a package do; a DESTDIR is another machine's.
USERS       = $(foreach u,$(wildcard units/*.sysusers),$(SYSTEMDDIR)/sysusers.d/$(basename $(notdir $u)).conf)
DIRECTORIES = $(foreach u,$(wildcard units/*.tmpfiles),$(SYSTEMDDIR)/tmpfiles.d/$(basename $(notdir $u)).conf)
define make_usable
	@if [ "$$(id -u)" = 0 ] && command -v systemd-sysusers systemd-tmpfiles >/dev/null; then set -ex; \
		systemd-sysusers $(USERS); \
		systemd-tmpfiles --create $(DIRECTORIES); \
	else echo "users and directories are still to be made, by root: systemd-sysusers && systemd-tmpfiles --create;"; \
		echo "where there is no systemd, empty deploy_group in $(SYSCONFDIR)/pgcert/conf.d/10-users.conf: one user does all"; fi
	@if [ "$$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then set -ex; \
		systemctl daemon-reload; \
		journalctl --quiet --update-catalog; fi
endef

$(B)/completion/%: $(B)/pgcert
	@mkdir -p $(@D) && $(B)/pgcert completion $* >$@

install: $(B)/pgcert $(addprefix $(B)/completion/,bash zsh fish) ## install, and make the users (DESTDIR, PREFIX, and the others above)
	install -D -m 755 $(B)/pgcert $(DESTDIR)$(BINDIR)/pgcert
	@set -e; for p in $(INSTALLED); do \
		case $$p in *.sh) mode=755 ;; *) mode=644 ;; esac; \
		echo "install -D -m $$mode $${p%%:*} $(DESTDIR)$${p#*:}"; \
		install -D -m $$mode "$${p%%:*}" "$(DESTDIR)$${p#*:}"; done
	sed -i 's|/usr/bin/pgcert|$(BINDIR)/pgcert|g' \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNIT_FILES)))
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/pgcert/conf.d
	@set -e; for p in $(SETTINGS); do [ -e "$(DESTDIR)$${p#*:}" ] || \
		install -D -m 644 "$${p%%:*}" "$(DESTDIR)$${p#*:}"; done
	$(if $(DESTDIR),,$(make_usable))

uninstall: ## remove what install put there; settings and certificates stay
	rm -f $(DESTDIR)$(BINDIR)/pgcert $(foreach p,$(INSTALLED),$(DESTDIR)$(lastword $(subst :, ,$p)))
	-rmdir $(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(DOCDIR) $(DESTDIR)$(LIBDIR) \
		$(DESTDIR)$(SYSCONFDIR)/pgcert/conf.d $(DESTDIR)$(SYSCONFDIR)/pgcert 2>/dev/null

dist: ## build/pgcert-VERSION.tar.gz of the last commit, the same bytes each time
	@mkdir -p build
	@git -c tar.umask=0022 -c core.autocrlf=false -c core.attributesFile= archive --format=tar \
		--prefix=pgcert-$(VERSION)/ HEAD | gzip -9n >build/pgcert-$(VERSION).tar.gz
	@echo build/pgcert-$(VERSION).tar.gz

clean: ## remove build/
	rm -rf build

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	      /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

.PHONY: all tests try check bench fuzz fuzz-all coverage lint format tidy manual install uninstall \
	dist clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(OBJ:.o=.d) $(FAKE:.o=.d) $(TESTS:=.d) $(FUZZERS:%=$(B)/tests/fuzz/%.d)
