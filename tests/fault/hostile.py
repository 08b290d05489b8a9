#!/usr/bin/env python3
"""An ACME server that misbehaves: a proxy in front of Pebble which spoils the answers it is told to.

usage: hostile.py DIRECTORY        serves https on 127.0.0.1:14100 until it is killed

DIRECTORY holds cert.pem and key.pem of its https; ca.pem and ca.key are made here, a CA of its own.
DIRECTORY/rules is read again for each request. A line is: WHAT TIMES DEED [ARGUMENT...]

WHAT   directory nonce account orders new-order order authz challenge finalize certificate renewal, or any
TIMES  how often it happens, or * for always; counted anew when the file changes
DEED   status N [TYPE [RETRY-AFTER]]  a problem document; RETRY-AFTER in seconds, or +SECONDS as a date
       bad-nonce                      400 badNonce, with a fresh nonce
       garbage                        JSON that ends too early
       endless                        a body that never ends
       stall                          half an answer, then silence
       close                          half an answer, then the connection is closed
       redirect URL                   302
       type TYPE                      the true answer with another Content-Type
       http-urls                      the true answer, with http:// for https:// in every URL
       edit OLD NEW                   the true answer, with one text replaced by another everywhere
       token TEXT                     the true authorization, with this token
       processing [RETRY-AFTER]       the true order, but still "processing"
       invalid                        the true order, but "invalid" with subproblems (RFC 8555 6.7.1)
       other-key                      a certificate for the right names and a key that nobody has
       other-name NAME                a certificate for the right key, but that name; - for no name
       leaf-only                      the true certificate without its intermediates
       renewal-info                   the true directory, and in it renewalInfo (RFC 9773)
       window ID START END [RETRY-AFTER]  the window of the certificate with that id, in seconds from
                                      now, or as @UNIX-TIME; 404 to who asks for another one

DIRECTORY/log has a line for each request: METHOD PATH DEED, and for an order what it replaces.

Everything else is Pebble's own answer. Pebble makes its URLs from the Host header, which is passed
on, so the client stays with the proxy and its signatures hold.
"""

import base64
import email.utils
import http.client
import http.server
import json
import os
import re
import socketserver
import ssl
import subprocess
import sys
import threading
import time

PORT, PEBBLE = 14100, ("127.0.0.1", 14000)
WHAT = {
    "dir": "directory", "nonce-plz": "nonce", "sign-me-up": "account", "order-plz": "new-order",
    "list-orderz": "orders",
    "my-order": "order", "authZ": "authz", "chalZ": "challenge", "finalize-order": "finalize",
    "certZ": "certificate", "renewal-info": "renewal",
}


class Rules:
    """The rules file, and how often each line was used."""

    def __init__(self, path):
        self.path, self.seen, self.used, self.lock = path, None, {}, threading.Lock()

    def take(self, what):
        with self.lock:
            try:
                stat = os.stat(self.path)
                with open(self.path, encoding="utf-8") as f:
                    lines = [line.split() for line in f if line.strip()]
            except FileNotFoundError:
                return None
            version = (stat.st_ino, stat.st_mtime_ns)
            if version != self.seen:
                self.seen, self.used = version, {}
            for number, (where, times, *deed) in enumerate(lines):
                if where not in (what, "any"):
                    continue
                if times == "*" or self.used.get(number, 0) < int(times):
                    self.used[number] = self.used.get(number, 0) + 1
                    return deed
        return None


def openssl(*arguments, given=b""):
    return subprocess.run(("openssl",) + arguments, input=given, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()


def retry_after(text):
    if text.startswith("+"):
        return email.utils.formatdate(time.time() + int(text), usegmt=True)
    return text


def make_ca(where):
    if not os.path.exists(where + "/ca.pem"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "3650", "-subj", "/CN=hostile CA", "-addext", "keyUsage=critical,keyCertSign",
                "-keyout", where + "/ca.key", "-out", where + "/ca.pem")


def sign(where, csr_der, names, own_key):
    """A certificate of the hostile CA: for the request's key, or for a new one."""
    csr, extensions, key = (f"{where}/{name}" for name in ("csr.pem", "extensions", "public.pem"))
    pem = base64.encodebytes(csr_der).decode()
    with open(csr, "w", encoding="utf-8") as f:
        f.write(f"-----BEGIN CERTIFICATE REQUEST-----\n{pem}-----END CERTIFICATE REQUEST-----\n")
    with open(extensions, "w", encoding="utf-8") as f:
        f.write("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"
                "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        if names:
            f.write("subjectAltName=" + ",".join("DNS:" + name for name in names) + "\n")
    forced = []
    if own_key:
        secret = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        with open(key, "w", encoding="utf-8") as f:
            f.write(openssl("pkey", "-pubout", given=secret.encode()))
        forced = ["-force_pubkey", key]
    return openssl("x509", "-req", "-in", csr, "-CA", where + "/ca.pem", "-CAkey", where + "/ca.key",
                   "-days", "30", "-extfile", extensions, "-CAcreateserial", *forced)


def names_of(csr_der):
    text = openssl("req", "-inform", "DER", "-noout", "-text", given=csr_der)
    return re.findall(r"DNS:([^,\s]+)", text)


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Answer:
    """What goes back: status, headers (a list of pairs), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def set(self, name, value):
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def edit(self, change):
        data = json.loads(self.body)
        change(data)
        self.body = json.dumps(data).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    csr = None  # of the last finalize, whoever sent it

    def setup(self):
        self.request.settimeout(60)
        self.request.do_handshake()
        super().setup()

    def log_message(self, format, *args):
        pass

    def pebble(self, method=None, path=None, body=None):
        upstream = http.client.HTTPSConnection(*PEBBLE, context=ssl._create_unverified_context())
        headers = {n: v for n, v in self.headers.items()
                   if n.lower() not in ("connection", "content-length", "accept-encoding")}
        upstream.request(method or self.command, path or self.path, body, headers)
        reply = upstream.getresponse()
        kept = [(n, v) for n, v in reply.getheaders()
                if n.lower() not in ("connection", "content-length", "transfer-encoding", "date")]
        answer = Answer(reply.status, kept, reply.read())
        upstream.close()
        return answer

    def nonce(self):
        return dict(self.pebble("HEAD", "/nonce-plz").headers).get("Replay-Nonce")

    def problem(self, status, kind="serverInternal", retry=None, **more):
        body = {"type": "urn:ietf:params:acme:error:" + kind, "detail": "as told", "status": status}
        headers = [("Content-Type", "application/problem+json")]
        if self.path != "/nonce-plz":
            headers.append(("Replay-Nonce", self.nonce()))
        if retry is not None:
            headers.append(("Retry-After", retry_after(retry)))
        return Answer(status, headers, json.dumps({**body, **more}).encode())

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        what = WHAT.get(self.path.split("/")[1], "other")
        if what == "finalize" and body:
            payload = json.loads(unbase64(json.loads(body)["payload"]))
            Handler.csr = unbase64(payload["csr"])
        deed = self.server.rules.take(what)
        replaces = self.replaces(body) if what == "new-order" and body else ""
        with open(self.server.where + "/log", "a", encoding="utf-8") as f:
            f.write(f"{self.command} {self.path} {' '.join(deed or ['-'])}{replaces}\n")
        if deed is None:
            self.send(self.pebble(body=body))
        else:
            getattr(self, "deed_" + deed[0].replace("-", "_"))(body, *deed[1:])

    @staticmethod
    def replaces(body):
        payload = json.loads(unbase64(json.loads(body)["payload"]))
        return " replaces " + payload["replaces"] if "replaces" in payload else ""

    do_GET = do_HEAD = do_POST = do_any

    def send(self, answer, size=None):
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(size if size is not None else len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    # ---- instead of Pebble's answer ----

    def deed_status(self, _body, status, kind="serverInternal", retry=None):
        self.send(self.problem(int(status), kind, retry))

    def deed_bad_nonce(self, _body):
        self.send(self.problem(400, "badNonce"))

    def deed_garbage(self, _body):
        answer = Answer(200, [("Content-Type", "application/json"), ("Replay-Nonce", self.nonce())],
                        b'{"status": "pending", "identifiers": [{"type": "dns", "val')
        self.send(answer)

    def deed_redirect(self, _body, url):
        self.send(Answer(302, [("Location", url)], b""))

    def deed_endless(self, _body):
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b'{"newNonce": "')
        while True:  # until the client hangs up
            self.wfile.write(b"x" * 65536)

    def deed_window(self, _body, identifier, start, end, retry=None):
        if self.path != "/renewal-info/" + identifier:
            self.send(self.problem(404, "malformed"))
            return
        start, end = (time.strftime("%Y-%m-%dT%H:%M:%S.25Z", time.gmtime(
            int(text[1:]) if text.startswith("@") else time.time() + int(text)))
                      for text in (start, end))
        body = {"suggestedWindow": {"start": start, "end": end},
                "explanationURL": "https://example.test/why"}
        headers = [("Content-Type", "application/json"), ("Retry-After", retry_after(retry or "21600"))]
        self.send(Answer(200, headers, json.dumps(body).encode()))

    # ---- half of it ----

    def half(self, body):
        answer = self.pebble(body=body)
        size = len(answer.body)
        answer.body = answer.body[:size // 2]
        self.send(answer, size or 100)
        self.close_connection = True

    def deed_stall(self, body):
        self.half(body)
        time.sleep(600)

    def deed_close(self, body):
        self.half(body)

    # ---- Pebble's answer, spoilt ----

    def deed_type(self, body, kind):
        answer = self.pebble(body=body)
        answer.set("Content-Type", kind)
        self.send(answer)

    def deed_edit(self, body, old, new):
        answer = self.pebble(body=body)
        answer.body = answer.body.replace(old.encode(), new.encode())
        self.send(answer)

    def deed_renewal_info(self, body):
        answer = self.pebble(body=body)

        def change(data):
            data["renewalInfo"] = f"https://{self.headers['Host']}/renewal-info"
        answer.edit(change)
        self.send(answer)

    def deed_http_urls(self, body):
        self.deed_edit(body, "https://", "http://")

    def deed_token(self, body, text):
        answer = self.pebble(body=body)

        def change(data):
            for challenge in data.get("challenges", []):
                challenge["token"] = text
        answer.edit(change)
        self.send(answer)

    def deed_processing(self, body, retry=None):
        answer = self.pebble(body=body)

        def change(data):
            data["status"] = "processing"
            data.pop("certificate", None)
        answer.edit(change)
        answer.set("Retry-After", retry_after(retry) if retry else None)
        self.send(answer)

    def deed_invalid(self, body):
        answer = self.pebble(body=body)

        def change(data):
            name = data["identifiers"][0]["value"]
            kind = "urn:ietf:params:acme:error:"
            data["status"] = "invalid"
            data["error"] = {
                "type": kind + "rejectedIdentifier", "detail": "some names were refused", "status": 403,
                "subproblems": [{"type": kind + "caa", "detail": f"CAA forbids {name}",
                                 "identifier": {"type": "dns", "value": name}}]}
        answer.edit(change)
        self.send(answer)

    # ---- another certificate ----

    def certificate(self, body, names, own_key):
        answer = self.pebble(body=body)
        answer.body = sign(self.server.where, Handler.csr, names, own_key).encode()
        self.send(answer)

    def deed_other_key(self, body):
        self.certificate(body, names_of(Handler.csr), True)

    def deed_other_name(self, body, name):
        self.certificate(body, [] if name == "-" else [name], False)

    def deed_leaf_only(self, body):
        answer = self.pebble(body=body)
        end = b"-----END CERTIFICATE-----\n"
        answer.body = answer.body.split(end)[0] + end
        self.send(answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, where):
        self.where, self.rules = where, Rules(where + "/rules")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(where + "/cert.pem", where + "/key.pem")
        super().__init__(("127.0.0.1", PORT), Handler)

    def get_request(self):
        connection, address = super().get_request()
        return self.tls.wrap_socket(connection, True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ssl.SSLError, OSError)):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    make_ca(sys.argv[1])
    Server(sys.argv[1]).serve_forever()
