#!/usr/bin/env python3
"""The measurements of the private CA for `make bench`: beside the programs with which people run one by
hand, and beside programs that make nothing but the calls of OpenSSL (bare.c). See run.sh.

Runs on the disk of build/bench, for syncing is part of the work. What is measured writes into
directories of its own, all removed at the end: ext4 is slow in inodes that were freed a moment ago.
"""

import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = int(sys.argv[1])
PGCERT, BARE = os.environ["PGCERT"], os.environ["BARE"]
FILES = 11  # of a bundle
COUNT, SAMPLE = 1000, 10
REVOKED, LISTED = 1000000, 100000
DAYS = 90


def run(*command, cwd=None, env=None):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=cwd,
                          stderr=subprocess.STDOUT, env=env and {**os.environ, **env})
    if done.returncode != 0:
        raise SystemExit(f"'{' '.join(command)}' ended with {done.returncode}\n" +
                         done.stdout.decode(errors="replace")[-2000:])


def timed(*command, **more):
    os.sync()
    began = time.monotonic()
    run(*command, **more)
    return time.monotonic() - began


class Pgcert:
    """A state directory of its own, with a CA."""

    def __init__(self, base):
        self.base = tempfile.mkdtemp(dir=base)
        self.conf = f"{self.base}/pgcert.conf"
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(f"[pgcert]\nstate = {self.base}/state\n")
        os.chmod(self.conf, 0o600)
        self.index = f"{self.base}/state/ca/index"
        run(*self.command("ca", "init"))

    def command(self, *words):
        return (PGCERT, "-c", self.conf, *words)

    def new(self, names):
        return timed(*self.command("client", "new", "--host", "db.example.org", "--from", names))

    def add_to_index(self, count, are_revoked):
        """As if that many had been issued, and revoked."""
        run(*self.command("client", "new", "--host", "db.example.org", "first"))
        with open(self.index, "r+", encoding="ascii") as f:
            word, at, _, issuer, kind, until, _ = f.read().splitlines()[-1].split("\t")
            for i in range(count):
                serial = f"4{secrets.token_hex(16)[1:]}"
                f.write(f"{word}\t{at}\t{serial}\t{issuer}\t{kind}\t{until}\tuser{i}\n")
                if are_revoked:
                    f.write(f"revoked\t{at}\t{serial}\tunspecified\n")


# ---- others, one certificate a call: key and certificate as files ----

def openssl(base):
    """As in PostgreSQL's manual, "Creating Certificates": a key with a request, and a signature."""
    with open(f"{base}/client.cnf", "w", encoding="ascii") as f:
        f.write("basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n"
                "extendedKeyUsage = clientAuth\nsubjectKeyIdentifier = hash\n"
                "authorityKeyIdentifier = keyid\n")
    request = ("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run(*request, "-x509", "-subj", "/CN=CA", "-days", "3650", "-keyout", "ca.key", "-out", "ca.crt", cwd=base)

    def one(name):
        run(*request, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=base)
        run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days",
            str(DAYS), "-extfile", "client.cnf", "-out", f"{name}.crt", cwd=base)
    return one


def easyrsa(base):
    program = "/usr/share/easy-rsa/easyrsa"
    env = {"EASYRSA_BATCH": "1", "EASYRSA_ALGO": "ec", "EASYRSA_CURVE": "prime256v1",
           "EASYRSA_PKI": f"{base}/pki", "EASYRSA_CERT_EXPIRE": str(DAYS)}
    run(program, "init-pki", cwd=base, env=env)
    run(program, "build-ca", "nopass", cwd=base, env=env)

    def one(name):
        run(program, "build-client-full", name, "nopass", cwd=base, env=env)
    return one


def certtool(base):
    key = ("certtool", "--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile")

    def template(name, *more):
        with open(f"{base}/template", "w", encoding="ascii") as f:
            f.write("\n".join((f'cn = "{name}"', f"expiration_days = {DAYS}", *more)) + "\n")

    run(*key, "ca.key", cwd=base)
    template("CA", "ca", "cert_signing_key", "crl_signing_key")
    run("certtool", "--generate-self-signed", "--load-privkey", "ca.key", "--template", "template",
        "--outfile", "ca.crt", cwd=base)

    def one(name):
        template(name, "tls_www_client", "signing_key")
        run(*key, f"{name}.key", cwd=base)
        run("certtool", "--generate-certificate", "--load-privkey", f"{name}.key", "--load-ca-certificate",
            "ca.crt", "--load-ca-privkey", "ca.key", "--template", "template", "--outfile",
            f"{name}.crt", cwd=base)
    return one


def check(base, names):
    """What was made is a certificate for its key, signed by the CA."""
    for name in (names[0], names[-1]):
        public = [subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout for command in (
            ("openssl", "x509", "-noout", "-pubkey", "-in", f"{base}/{name}.crt"),
            ("openssl", "pkey", "-pubout", "-in", f"{base}/{name}.key"))]
        run("openssl", "verify", "-CAfile", f"{base}/ca.crt", f"{base}/{name}.crt")
        if public[0] != public[1]:
            raise SystemExit(f"{base}: the certificate of {name} is not for its key")


# ---- the tables ----

def row(name, seconds, first, note=""):
    ratio = "" if first is None else f"{seconds / first:.2f}" if seconds < 10 * first else \
        f"{seconds / first:.0f}"
    print(f"  {name:<16}{seconds:>9.2f} s{ratio:>9}   {note}")


def clients(base):
    """Rounds of all, so that a busy moment of the machine meets all of them."""
    names = f"{base}/names"
    with open(names, "w", encoding="ascii") as f:
        f.writelines(f"user{i}\n" for i in range(COUNT))
    others = {}
    for start in (openssl, easyrsa, certtool):
        os.mkdir(f"{base}/{start.__name__}")
        others[start.__name__] = start(f"{base}/{start.__name__}")
    took = {name: [] for name in ("pgcert", "bare", *others)}
    for i in range(RUNS):
        took["pgcert"].append(Pgcert(base).new(names))
        took["bare"].append(timed(BARE, "clients", tempfile.mkdtemp(dir=base), str(COUNT), str(FILES)))
        for name, one in others.items():
            began = time.monotonic()
            for j in range(SAMPLE):
                one(f"user{i}-{j}")
            took[name].append((time.monotonic() - began) * COUNT / SAMPLE)
    for name in ("openssl", "certtool"):
        check(f"{base}/{name}", ("user0-0", f"user{RUNS - 1}-{SAMPLE - 1}"))
    print(f"\n{COUNT} client certificates with keys, as files (others: {SAMPLE} one at a time, times "
          f"{COUNT // SAMPLE}; medians of {RUNS} runs)\n")
    ours = statistics.median(took["pgcert"])
    row("pgcert", ours, None, f"{FILES} files each, recorded, synced; {COUNT / ours:.0f} a second")
    row("bare", statistics.median(took["bare"]), ours,
        "keys, signatures, as many files, one sync: OpenSSL's calls on all cores")
    for name in others:
        row(name, statistics.median(took[name]), ours, "one at a time, nothing synced")
    sys.stdout.flush()


def crl(base):
    ca = Pgcert(base)
    ca.add_to_index(REVOKED, True)
    took = {"pgcert": [], "bare": []}
    for _ in range(min(RUNS, 3)):
        took["pgcert"].append(timed(*ca.command("ca", "crl", "--force")))
        took["bare"].append(timed(BARE, "crl", f"{base}/bare.crl", str(REVOKED)))
    with open(f"{ca.base}/state/ca/clients.crl", "rb") as f:
        if len(f.read()) < REVOKED * 30:
            raise SystemExit("the CRL does not hold them all")
    print(f"\na CRL of {REVOKED} revoked certificates\n")
    ours = statistics.median(took["pgcert"])
    row("pgcert", ours, None, "the index read, the CRLs of all CAs written")
    row("bare", statistics.median(took["bare"]), ours, "OpenSSL's calls for one CRL")
    sys.stdout.flush()


def listing(base):
    ca = Pgcert(base)
    ca.add_to_index(LISTED, False)
    took = [timed(*ca.command("client", "list")) for _ in range(RUNS)]
    print(f"\na list of {LISTED} clients\n")
    row("pgcert", statistics.median(took), None)


def version_of(package):
    return re.sub("[-+].*", "", subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], check=True, stdout=subprocess.PIPE, text=True).stdout)


def main():
    base = tempfile.mkdtemp(prefix="ca.", dir=os.environ["BENCH"])
    print("\nthe private CA, beside " + ", ".join(
        f"{name} {version_of(name)}" for name in ("openssl", "easy-rsa", "gnutls-bin")))
    try:
        for measure in (clients, crl, listing):
            measure(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
