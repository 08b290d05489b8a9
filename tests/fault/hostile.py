#!/usr/bin/env python3
"""An ACME server that misbehaves: a proxy in front of Pebble which spoils the answers it is told to.

usage: hostile.py DIRECTORY        serves https on 127.0.0.1:14100 until it is killed

DIRECTORY holds cert.pem and key.pem of its https; ca.pem and ca.key are made here, a CA of its own.
DIRECTORY/rules is read again for each request. A line is: WHAT TIMES DEED [ARGUMENT...]

WHAT   connection directory nonce account orders new-order order authz challenge finalize certificate
       renewal key-change, or any (but no connection)
TIMES  how often it happens, or * for always; counted anew when the file changes
DEED   a connection:
       close noise plain half alert records silence      instead of TLS
       an answer instead of Pebble's:
       status N [TYPE [RETRY-AFTER]]  a problem document; RETRY-AFTER in seconds, or +SECONDS as a date
       answer N JSON                  that JSON with a nonce; "URN:" is that of ACME's errors
       subproblems COUNT              a problem document with so many (RFC 8555 6.7.1)
       user-action INSTANCE TERMS     userActionRequired, with both URLs (RFC 8555 7.3.3)
       rate-limited SECONDS RULES     rateLimited, with the URL of the rules (RFC 8555 6.6)
       retry VALUE                    503 with this Retry-After
       bad-nonce                      400 badNonce, with a fresh nonce
       garbage                        JSON that ends too early
       raw TEXT                       these bytes (with Python's escapes), then the end
       redirect URL [STATUS]          302; "self" leads to where it was asked
       window ID START END [RETRY-AFTER]  the window of the certificate with that id, in seconds from
                                      now, or as @UNIX-TIME; 404 to who asks for another one
       without end:
       endless                        a body
       endless-headers, endless-line, endless-chunks, endless-interim STATUS
       drip-headers, drip-body        a byte a second
       stall                          half an answer, then silence
       which breaks off:
       close                          in half
       cut PHASE                      before the answer (request), after the status line (status), in
                                      the headers, before the body (body); answer: nothing is
                                      answered although Pebble has done what was asked
       Pebble's answer, spoilt:
       length MORE                    with another Content-Length, by so much
       chunks TEXT                    "chunked", with these bytes
       interim STATUS LINE            after an interim answer with that header line
       body TEXT [TIMES]              with another body, so many times
       many JSON TIMES                with an array of so many of them as its body
       encoded ENCODING               with this Content-Encoding, which it does not have
       header NAME [VALUE [TIMES]]    with this header, or without it
       headers NAME VALUE COUNT       with many; # in the value is the number, @ the URL
       type TYPE                      with another Content-Type
       http-urls                      with http:// for https:// in every URL
       edit OLD NEW                   with one text replaced by another everywhere
       slow SECONDS                   so much later
       set PATH JSON [PATH JSON...]   with that member (identifiers.0.value, * for each); @ is the origin
       drop PATH                      without that member
       repeat PATH COUNT              with an array so many times as long
       token TEXT [TIMES]             the authorization, with this token
       failed JSON                    the authorization, invalid for that reason
       processing [RETRY-AFTER]       the order, but still "processing"
       invalid                        the order, but "invalid" with subproblems (RFC 8555 6.7.1)
       renewal-info                   the directory, and in it renewalInfo (RFC 9773)
       a certificate:
       other-key                      for the right names and a key that nobody has
       other-name NAME                for the right key, but that name; - for no name
       other-time DAYS                for 30 days, from so many days ahead
       other-usage USAGE              with another extendedKeyUsage
       leaf-only                      the true one without its intermediates
       chain PART...                  these parts: a number is a certificate of the true chain; ca, key,
                                      text, space, html; PART*5 five times
       der                            not PEM

DIRECTORY/log has a line for each request: METHOD PATH DEED, and for an order what it replaces;
DIRECTORY/bodies what was posted, with its headers.

Everything else is Pebble's own answer. Pebble makes its URLs from the Host header, which is passed
on, so the client stays with the proxy and its signatures hold.
"""

import base64
import email.utils
import http.client
import http.server
import json
import os
import socketserver
import ssl
import sys
import threading
import time

from hostile_chain import Chain, make_ca
from hostile_wire import Wire, unescape

PORT, PEBBLE = 14100, ("127.0.0.1", 14000)
URN = "urn:ietf:params:acme:error:"
WHAT = {
    "dir": "directory", "nonce-plz": "nonce", "sign-me-up": "account", "order-plz": "new-order",
    "list-orderz": "orders",
    "my-order": "order", "authZ": "authz", "chalZ": "challenge", "finalize-order": "finalize",
    "certZ": "certificate", "renewal-info": "renewal", "rollover-account-key": "key-change",
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
                if where != what and (where != "any" or what == "connection"):
                    continue
                if times == "*" or self.used.get(number, 0) < int(times):
                    self.used[number] = self.used.get(number, 0) + 1
                    return deed
        return None


def retry_after(text):
    if text.startswith("+"):
        return email.utils.formatdate(time.time() + int(text), usegmt=True)
    return text


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def put(data, path, change):
    """Changes the member at a path: names, numbers, and * for each; no change: it goes."""
    first, rest = path[0], path[1:]
    keys = range(len(data)) if first == "*" else [int(first) if isinstance(data, list) else first]
    for key in keys:
        if rest:
            put(data[key], rest, change)
        elif change is None:
            del data[key]
        else:
            data[key] = change(data[key] if isinstance(data, list) else data.get(key))


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


class Handler(Chain, Wire, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.request.settimeout(60)
        deed = self.server.rules.take("connection")
        if deed is not None:
            self.note(f"CONNECTION - {' '.join(deed)}")
        if not self.on_connection(deed, self.request):
            raise ConnectionAbortedError("as told")
        self.request = self.server.tls.wrap_socket(self.request, True)
        super().setup()

    def finish(self):
        super().finish()
        self.request.close()

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
        body = {"type": URN + kind, "detail": "as told", "status": status}
        headers = [("Content-Type", "application/problem+json")]
        if self.path != "/nonce-plz":
            headers.append(("Replay-Nonce", self.nonce()))
        if retry is not None:
            headers.append(("Retry-After", retry_after(retry)))
        return Answer(status, headers, json.dumps({**body, **more}).encode())

    def note(self, line):
        with open(self.server.where + "/log", "a", encoding="utf-8") as f:
            f.write(line + "\n")

    def keep(self, body):
        """What a test looks at for secrets: headers and body as they came."""
        with open(self.server.where + "/bodies", "ab") as f:
            f.write(str(self.headers).encode() + body + b"\n")

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        what = WHAT.get(self.path.split("/")[1], "other")
        if what == "finalize" and body:
            payload = json.loads(unbase64(json.loads(body)["payload"]))
            Chain.csr = unbase64(payload["csr"])
        deed = self.server.rules.take(what)
        replaces = self.replaces(body) if what == "new-order" and body else ""
        self.note(f"{self.command} {self.path} {' '.join(deed or ['-'])}{replaces}")
        if body and self.command == "POST":
            self.keep(body)
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

    def deed_redirect(self, _body, url, status="302"):
        here = f"https://{self.headers['Host']}{self.path}"
        self.send(Answer(int(status), [("Location", here if url == "self" else url)], b""))

    def deed_answer(self, _body, status, text):
        kind = "application/json" if int(status) < 400 else "application/problem+json"
        headers = [("Content-Type", kind), ("Replay-Nonce", self.nonce())]
        self.send(Answer(int(status), headers, text.replace("URN:", URN).encode()))

    def deed_subproblems(self, _body, count):
        self.send(self.problem(403, "rejectedIdentifier", subproblems=[
            {"type": URN + "caa", "detail": f"reason {n}", "identifier": {"type": "dns", "value": f"n{n}.test"}}
            for n in range(int(count))]))

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

    def deed_set(self, body, *changes):
        answer = self.pebble(body=body)
        for path, text in zip(changes[::2], changes[1::2]):
            value = json.loads(text.replace("URN:", URN).replace("@", f"https://{self.headers['Host']}"))
            answer.edit(lambda data: put(data, path.split("."), lambda _old: value))
        self.send(answer)

    def deed_retry(self, _body, value=""):
        answer = self.problem(503)
        answer.set("Retry-After", unescape(value).decode("latin-1"))
        self.send(answer)

    def deed_slow(self, body, seconds):
        time.sleep(float(seconds))
        self.send(self.pebble(body=body))

    def deed_user_action(self, _body, instance, terms):
        answer = self.problem(403, "userActionRequired", instance=instance)
        answer.set("Link", f'<{self.path}>;rel="index", <{terms}>;rel="terms-of-service"')
        self.send(answer)

    def deed_rate_limited(self, _body, seconds, rules):
        answer = self.problem(429, "rateLimited", seconds)
        answer.set("Link", f'<{rules}>;rel="help"')
        self.send(answer)

    def deed_drop(self, body, path):
        answer = self.pebble(body=body)
        answer.edit(lambda data: put(data, path.split("."), None))
        self.send(answer)

    def deed_repeat(self, body, path, times):
        answer = self.pebble(body=body)
        answer.edit(lambda data: put(data, path.split("."), lambda old: old * int(times)))
        self.send(answer)

    def deed_renewal_info(self, body):
        answer = self.pebble(body=body)

        def change(data):
            data["renewalInfo"] = f"https://{self.headers['Host']}/renewal-info"
        answer.edit(change)
        self.send(answer)

    def deed_http_urls(self, body):
        self.deed_edit(body, "https://", "http://")

    def deed_token(self, body, text, times="1"):
        answer = self.pebble(body=body)

        def change(data):
            for challenge in data.get("challenges", []):
                challenge["token"] = text * int(times)
        answer.edit(change)
        self.send(answer)

    def deed_failed(self, body, text):
        answer = self.pebble(body=body)

        def change(data):
            data["status"] = "invalid"
            for challenge in data["challenges"]:
                challenge.update(status="invalid", error=json.loads(text.replace("URN:", URN)))
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
            data["status"] = "invalid"
            data["error"] = {
                "type": URN + "rejectedIdentifier", "detail": "some names were refused", "status": 403,
                "subproblems": [{"type": URN + "caa", "detail": f"CAA forbids {name}",
                                 "identifier": {"type": "dns", "value": name}}]}
        answer.edit(change)
        self.send(answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, where):
        self.where, self.rules = where, Rules(where + "/rules")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(where + "/cert.pem", where + "/key.pem")
        super().__init__(("127.0.0.1", PORT), Handler)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ssl.SSLError, OSError)):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    make_ca(sys.argv[1])
    Server(sys.argv[1]).serve_forever()
