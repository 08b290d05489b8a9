#!/usr/bin/env python3
"""The measurements of `make bench`. Runs inside of a world with all servers up; see run.sh.

Every client gets the same name server, the same ACME server and the shortest waits that its options
allow. Runs of the clients alternate, so that a busy moment of the machine meets all of them.
"""

import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import time

RUNS = int(sys.argv[1])
WORLD, STATE, CONF = os.environ["WORLD"], os.environ["STATE"], os.environ["CONF"]
PGDATA, PG_BIN, PGCERT = os.environ["PGDATA"], os.environ["PG_BIN"], os.environ["PGCERT"]
ZONE, DIRECTORY = os.environ["ZONE"], os.environ["DIRECTORY"]
KEY = f"{WORLD}/bind/pgcert-key.key"
CA = f"{WORLD}/pebble/https-ca.pem"
LOG = os.environ["PEBBLE_LOG"]
NAMES = {"one": [f"db.{ZONE}"], "ten": [f"n{i}.{ZONE}" for i in range(10)]}
HUNDRED = [f"c{i}.{ZONE}" for i in range(100)]


def write(path, text, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def secret():
    with open(KEY, encoding="utf-8") as f:
        return re.search(r'secret "(.*)"', f.read())[1]


class Pgcert:
    name = "pgcert"
    environment = {}
    home = STATE

    def configure(self, certificates):
        with open(CONF, encoding="utf-8") as f:
            text = f.read()
        text = re.sub(r"\[certificate .*", "", text, flags=re.S)
        for names in certificates:
            text += f"[certificate {names[0]}]\nissuer = pebble\nnames = {' '.join(names)}\n"
        write(f"{WORLD}/bench/pgcert.conf", text)

    def issue(self, names):
        self.configure([names])
        return [PGCERT, "-c", f"{WORLD}/bench/pgcert.conf", "renew"]

    def issue_each(self, names):
        """A certificate for each name, in one run."""
        self.configure([[name] for name in names])
        return [PGCERT, "-c", f"{WORLD}/bench/pgcert.conf", "renew"]

    def account(self):
        return self.issue([f"account.{ZONE}"])

    nothing_due = issue

    def forget_certificates(self):
        shutil.rmtree(f"{STATE}/certificates", ignore_errors=True)


class Lego:
    name = "lego"
    home = f"{WORLD}/lego"
    environment = {
        "LEGO_CA_CERTIFICATES": CA, "RFC2136_NAMESERVER": "127.0.0.1:53",
        "RFC2136_TSIG_ALGORITHM": "hmac-sha256.", "RFC2136_TSIG_KEY": "pgcert-key",
        "RFC2136_TSIG_SECRET": secret(), "RFC2136_POLLING_INTERVAL": "0",
        "RFC2136_SEQUENCE_INTERVAL": "0", "RFC2136_TTL": "1",
    }

    def command(self, names):
        command = ["lego", "--path", self.home, "--accept-tos", "--email", f"dba@{ZONE}",
                   "--server", DIRECTORY, "--key-type", "ec256", "--dns", "rfc2136",
                   "--dns.resolvers", "127.0.0.1:53", "--dns.disable-cp"]
        return command + [word for name in names for word in ("--domains", name)]

    def issue(self, names):
        return self.command(names) + ["run"]

    def account(self):  # has no command that only registers
        return self.issue([f"account.{ZONE}"])

    def nothing_due(self, names):
        return self.command(names) + ["renew", "--days", "30", "--no-random-sleep"]

    def forget_certificates(self):
        shutil.rmtree(f"{self.home}/certificates", ignore_errors=True)


class Certbot:
    name = "certbot"
    home = f"{WORLD}/certbot"
    environment = {"REQUESTS_CA_BUNDLE": CA}
    base = ["--non-interactive", "--server", DIRECTORY, "--config-dir", f"{home}/c",
            "--work-dir", f"{home}/w", "--logs-dir", f"{home}/l", "--max-log-backups", "0"]

    def issue(self, names):
        write(f"{self.home}/rfc2136.ini",
              "dns_rfc2136_server = 127.0.0.1\ndns_rfc2136_name = pgcert-key.\n"
              f"dns_rfc2136_secret = {secret()}\ndns_rfc2136_algorithm = HMAC-SHA256\n")
        command = ["certbot", "certonly", "--dns-rfc2136", "--dns-rfc2136-credentials",
                   f"{self.home}/rfc2136.ini", "--dns-rfc2136-propagation-seconds", "0",
                   "--key-type", "ecdsa", "--elliptic-curve", "secp256r1", *self.base]
        return command + [word for name in names for word in ("-d", name)]

    def account(self):
        return ["certbot", "register", "--agree-tos", "-m", f"dba@{ZONE}", "--no-eff-email", *self.base]

    def nothing_due(self, _names):
        return ["certbot", "renew", "--no-random-sleep-on-renew", *self.base]

    def forget_certificates(self):
        for part in ("live", "archive", "renewal"):
            shutil.rmtree(f"{self.home}/c/{part}", ignore_errors=True)


class Result:
    """What the runs of one client cost."""

    def __init__(self):
        self.wall, self.cpu, self.memory, self.requests, self.failed = [], [], [], [], 0

    def add(self, wall, cpu, memory, requests):
        self.wall.append(wall)
        self.cpu.append(cpu)
        self.memory.append(memory)
        self.requests.append(requests)


def requests_since(mark):
    with open(LOG, "rb") as f:
        f.seek(mark)
        return len(re.findall(rb"(?:GET|HEAD|POST) /\S* ->", f.read()))


def run(client, command, result=None):
    mark = os.path.getsize(LOG)
    with open(f"{WORLD}/bench/{client.name}.log", "ab") as log:
        subprocess.run([f"{WORLD}/bin/runstat", f"{WORLD}/bench/cost", *command], check=True,
                       env={**os.environ, **client.environment}, stdin=subprocess.DEVNULL,
                       stdout=log, stderr=log)
    with open(f"{WORLD}/bench/cost", encoding="ascii") as f:
        wall, cpu, memory, status = f.read().split()
    if status != "0":
        if result is None:
            raise SystemExit(f"{client.name}: '{' '.join(command)}' ended with {status}\n" +
                             open(f"{WORLD}/bench/{client.name}.log", errors="replace").read()[-2000:])
        result.failed += 1
    elif result is not None:
        result.add(float(wall), float(cpu), int(memory), requests_since(mark))


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def table(title, rows, first):
    print(f"\n{title}\n")
    print(f"  {'':<16}{'wall':>10}{'CPU':>10}{'memory':>10}{'requests':>10}{'times':>8}")
    for name, r in rows:
        if not r.wall:
            print(f"  {name:<16}  failed {r.failed} times")
            continue
        median = statistics.median
        ratio = "" if name == first[0] or not first[1].wall else \
            f"{median(r.wall) / median(first[1].wall):.1f}"
        print(f"  {name:<16}{milliseconds(median(r.wall)):>10}{milliseconds(median(r.cpu)):>10}"
              f"{median(r.memory) / 1024:>7.1f} MB{median(r.requests):>10.0f}{ratio:>8}"
              + (f"  ({r.failed} failed)" if r.failed else ""))
    sys.stdout.flush()


def issuing(clients, case):
    results = {c.name: Result() for c in clients}
    for i in range(RUNS):
        for client in clients:
            if client.name == "lego" and case == "ten" and i >= 2:
                continue  # it takes half a minute each
            client.forget_certificates()
            run(client, client.issue(NAMES[case]), results[client.name])
    return list(results.items())


def hundred(clients):
    """A hundred certificates are due. Whoever has no run for several is measured by ten of its own
    runs, times ten."""
    results = {c.name: Result() for c in clients}
    for client in clients:
        if hasattr(client, "issue_each"):
            for _ in range(RUNS):
                client.forget_certificates()
                run(client, client.issue_each(HUNDRED), results[client.name])
            continue
        ten = Result()
        client.forget_certificates()
        for name in HUNDRED[:10]:
            run(client, client.issue([name]), ten)
        if ten.wall and not ten.failed:
            results[client.name].add(sum(ten.wall) * 10, sum(ten.cpu) * 10, max(ten.memory),
                                     sum(ten.requests) * 10)
        results[client.name].failed = ten.failed
    return list(results.items())


def nothing(clients):
    results = {c.name: Result() for c in clients}
    for client in clients:
        client.forget_certificates()
        run(client, client.issue(NAMES["one"]))
    for _ in range(RUNS * 2):
        for client in clients:
            run(client, client.nothing_due(NAMES["one"]), results[client.name])
    return list(results.items())


# ---- deployments ----

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def served():
    """SHA-256 of the certificate that the server shows; None while there is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", 5432), 2) as plain:
            plain.sendall(SSL_REQUEST)
            if plain.recv(1) != b"S":
                return None
            with context.wrap_socket(plain) as tls:
                return hashlib.sha256(tls.getpeercert(True)).hexdigest()
    except OSError:
        return None


def until_served(wanted):
    while served() != wanted:
        time.sleep(0.001)


def as_postgres(*command):
    subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")


def postmaster():
    with open(f"{PGDATA}/postmaster.pid", encoding="ascii") as f:
        return int(f.readline())


def make_pair(path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "30", "-subj", f"/CN=db.{ZONE}", "-keyout", path + ".key",
                    "-out", path + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(path + ".key", encoding="ascii") as key, open(path + ".crt", encoding="ascii") as crt:
        text = crt.read()
        write(path, key.read() + text)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()


def put(path):
    shutil.copy(path, f"{PGDATA}/pgcert.new")
    shutil.chown(f"{PGDATA}/pgcert.new", "postgres", "postgres")
    os.rename(f"{PGDATA}/pgcert.new", f"{PGDATA}/pgcert.pem")


def hang_up():
    os.kill(postmaster(), signal.SIGHUP)


def psql():
    as_postgres(f"{PG_BIN}/psql", "-Xqd", "postgres", "-c", "select pg_reload_conf()")


def restart():
    as_postgres(f"{PG_BIN}/pg_ctl", "-D", PGDATA, "-l", f"{WORLD}/pg/log", "-m", "fast", "-ws", "restart")


def deployments():
    """From a pair that is there to the proof that it is served."""
    client = Pgcert()
    pairs = [f"{WORLD}/bench/pair{i}" for i in range(2)]
    prints = {path: make_pair(path) for path in pairs}
    put(pairs[0])
    write(f"{PGDATA}/conf.d/pgcert.conf",
          "ssl = on\nssl_cert_file = 'pgcert.pem'\nssl_key_file = 'pgcert.pem'\n", 0o644)
    hang_up()
    until_served(prints[pairs[0]])
    client.forget_certificates()
    run(client, [PGCERT, "-c", CONF, "renew"])
    issued = served()

    words = {
        "pgcert deploy": "started, checked, installed, reloaded, proved, ended",
        "  once in place": "of that: reloaded, proved, ended",
        "SIGHUP": "nothing checked",
        "psql": "pg_reload_conf(), nothing checked",
        "pg_ctl restart": "and every session is lost",
    }
    results = {name: Result() for name in words}
    for _ in range(RUNS * 2):
        for name, action in (("SIGHUP", hang_up), ("psql", psql), ("pg_ctl restart", restart)):
            pairs.reverse()
            began = time.monotonic()
            put(pairs[0])
            action()
            until_served(prints[pairs[0]])
            results[name].wall.append(time.monotonic() - began)
        run(client, [PGCERT, "-c", CONF, "deploy"], results["pgcert deploy"])
        # The kernel's coarse time of the rename: some milliseconds early, never late.
        results["  once in place"].wall.append(time.time() - os.stat(f"{PGDATA}/pgcert.pem").st_ctime)
        if served() != issued:
            raise SystemExit("pgcert deploy ended, and its certificate is not served")
    print("\nfrom a pair in place to proved served, on an idle server\n")
    for name, r in results.items():
        print(f"  {name:<16}{milliseconds(statistics.median(r.wall)):>10}   {words[name]}")


def version_of(package):
    return subprocess.run(["dpkg-query", "-W", "-f", "${source:Upstream-Version}", package], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def main():
    os.makedirs(f"{WORLD}/bench")
    clients = [Pgcert(), Lego(), Certbot()]
    for client in clients:
        run(client, client.account())
        client.forget_certificates()
    print(f"pgcert beside lego {version_of('lego')} and certbot {version_of('certbot')}; one Pebble "
          f"without sleeps, one BIND;\n{os.cpu_count()} cores; medians of {RUNS} runs")
    for title, measured in (
            ("one name, the account exists", lambda: issuing(clients, "one")),
            ("ten names in one order, the account exists", lambda: issuing(clients, "ten")),
            ("a hundred certificates of one name each are due (others: ten runs, times ten)",
             lambda: hundred(clients)),
            ("nothing is due", lambda: nothing(clients))):
        rows = measured()
        table(title, rows, rows[0])
    deployments()


if __name__ == "__main__":
    main()
