#!/usr/bin/env python3
"""Stands for DNS services with an HTTP API: speaks their documented wire format, and puts the TXT
records that it accepts into the world's BIND, so that an issuer sees them.

usage: clouds.py DIRECTORY ZONE KEYFILE

DIRECTORY  cert.pem, key.pem (as whom it serves https on 127.0.0.1:14443), and
           rules   what goes wrong, a rule a line, read anew for each request; see spoil()
           log     each request: SERVICE METHOD PATH?QUERY STATUS
The services are at https://localhost:14443/SERVICE, each one a file in cloud/ with a class Service:

    header            name of the header with the token, and what stands before it; the token of
                      each is "token-of-SERVICE". Or, for other proofs of who asks:
    is_known(request) method, path with query, headers, body (bytes) and inner path (of the service,
                      without query) of the request: is it somebody who may?
    tokens            of OAuth 2.0 (class Tokens), in place of both; besides
    grant(path, form) what the token endpoint answers; None: that is not its path
    read(text)        what the body means; else it is JSON
    ask(...)          what the service answers; raises or returns Answer
    unauthorized(), busy(), gone(), failed(), empty(path)   the service's own answers for that
    says_when         False: it does not say when to come back after busy()
    is_change(request), is_deletion(request)
                      where the method alone does not tell
    spoil(rule, path) what goes wrong with that service only: an Answer, or None
    fill(store)       what is there at first
The rules are in self.rules().
"""
import http.server
import json
import os
import ssl
import sys
import threading
import urllib.parse
from collections import namedtuple
from importlib import import_module
from pathlib import Path

sys.dont_write_bytecode = True
here = Path(__file__).parent / "cloud"
sys.path.insert(0, str(here))
from service import Answer, Store  # noqa: E402

directory = sys.argv[1]
lock = threading.Lock()
Request = namedtuple("Request", "method path headers body inner")
NAMES = [f.stem for f in here.glob("*.py") if f.stem != "service"]
SERVICES = {name: (import_module(name).Service(), Store()) for name in NAMES}
done = {}  # how often a rule was followed


def rules():
    with open(directory + "/rules", encoding="ascii") as f:
        text = f.read()
        written = os.fstat(f.fileno()).st_mtime_ns
    if done.get("written") != written:  # other rules: counted anew
        done.clear()
        done["written"] = written
    return [line.split() for line in text.splitlines() if line]


for filled, its_store in SERVICES.values():
    filled.rules = rules
    if hasattr(filled, "fill"):
        filled.fill(its_store)


def first(rule, times):
    done[rule] = done.get(rule, 0) + 1
    return done[rule] <= times


def is_change(service, request):
    return service.is_change(request) if hasattr(service, "is_change") else request.method != "GET"


def is_deletion(service, request):
    if hasattr(service, "is_deletion"):
        return service.is_deletion(request)
    return request.method == "DELETE" or getattr(service, "only_deleted", False)


def spoil(service, store, request, changes):
    """What goes wrong before the service does anything."""
    for rule, *words in rules():
        if rule == "others" and first("others", 1):  # others NAME VALUE TTL: somebody has that there
            store.add(words[0], words[1], int(words[2]))
        if rule == "busy" and first("busy", int(words[0])):  # busy COUNT RETRY-AFTER
            answer = service.busy()
            if getattr(service, "says_when", True):
                answer.headers["Retry-After"] = words[1]
            raise answer
        if rule == "unavailable" and first("unavailable", int(words[0])):  # 503, without advice
            raise Answer(503, "Service Unavailable")
        if rule == "fails" and changes:  # fails: nothing can be changed
            raise service.failed() if hasattr(service, "failed") else Answer(500, {"message": "internal error"})
        if rule == "garbage":
            raise Answer(200, "<html>Welcome to the wireless network of your hotel</html>")
        if rule == "empty":
            raise service.empty(request.path) if hasattr(service, "empty") else Answer(200, {})
        if rule == "redirect":
            raise Answer(302, "", {"Location": "https://elsewhere.test/"})
        if rule == "echo":  # repeats the token
            raise Answer(400, {"message": "bad token " + words[0]})
        answer = service.spoil(rule, request.inner) if hasattr(service, "spoil") else None
        if answer is not None and first(rule, int(words[0])):  # RULE COUNT, a service's own
            raise answer


def spoil_tokens(service):
    """What goes wrong at a token endpoint."""
    service.tokens.life = 3600
    for rule, *words in rules():
        if rule == "token-life":  # token-life SECONDS
            service.tokens.life = int(words[0])
        if rule == "token-busy" and first("token-busy", int(words[0])):  # token-busy COUNT RETRY-AFTER
            raise Answer(429, {"error": "temporarily_unavailable"}, {"Retry-After": words[1]})
        if rule == "token-says":  # token-says STATUS TEXT...
            raise Answer(int(words[0]), " ".join(words[1:]))


def overtake(service, store, changes):
    """Somebody else writes first: overtaken NAME VALUE; a ~ is where one string of it ends."""
    for rule, *words in rules():
        if rule == "overtaken" and changes and first("overtaken", 1):
            value = words[1].replace("~", '" "')
            store.put(words[0], store.values(words[0]) + [value], 4000)
            if hasattr(service, "overtaken"):
                service.overtaken(words[0])


def spoil_after(service, store, request, changes, before):
    """What goes wrong after it was done."""
    for rule, *_ in rules():
        if rule == "gone" and is_deletion(service, request):  # it was deleted already
            raise service.gone() if hasattr(service, "gone") else Answer(404, {"detail": "Not found."})
        if rule == "lost" and changes and first("lost", 1):  # done, but the answer is lost
            raise Answer(502, "Bad Gateway")
        if rule == "race" and changes and first("race", 1):
            # somebody who had read before that change writes now, and has a value of his own
            for name in {r[1] for r in store.records} ^ {r[1] for r in before}:
                store.put(name, [r[2] for r in before if r[1] == name] + ["theirs"], 4000)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def is_known(self, service, name, request):
        if hasattr(service, "tokens"):
            return service.tokens.is_good(self.headers)
        if hasattr(service, "is_known"):
            return service.is_known(request)
        key, before_token = service.header
        return self.headers.get(key) == before_token + "token-of-" + name

    def read(self, service, text):
        if hasattr(service, "read"):
            return service.read(text)
        if text and self.headers.get("Content-Type") != "application/json":
            raise Answer(415, {"message": "Unsupported Media Type"})
        return json.loads(text) if text else None

    def grant(self, service, path, text):
        form = dict(urllib.parse.parse_qsl(text.decode()))
        answer = service.grant(path, form)
        if answer is None:
            return
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            raise Answer(400, {"error": "invalid_request"})
        if self.headers.get("Authorization"):
            raise Answer(400, {"error": "invalid_request", "error_description": "a token here"})
        spoil_tokens(service)
        raise service.grant(path, form)

    def answer(self, method):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        name, _, path = url.path[1:].partition("/")
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        service, store = SERVICES[name]
        service.headers = self.headers
        request = Request(method, self.path, self.headers, text, "/" + path)
        changes = is_change(service, request)
        try:
            if hasattr(service, "tokens") and method == "POST":
                self.grant(service, "/" + path, text)
            spoil(service, store, request, changes)
            if not self.is_known(service, name, request):
                raise service.unauthorized()
            overtake(service, store, changes)
            before = list(store.records)
            answer = service.ask(store, method, "/" + path, query, self.read(service, text))
            spoil_after(service, store, request, changes, before)
            return answer
        except Answer as a:
            return a

    def serve(self):
        with lock:
            a = self.answer(self.command)
            with open(directory + "/log", "a", encoding="utf-8") as log:
                print(self.path.split("/")[1], self.command, self.path, a.status, file=log)
        body = b"" if a.body is None else a.body.encode() if isinstance(a.body, str) else json.dumps(a.body).encode()
        self.send_response(a.status)
        for key, value in a.headers.items():
            self.send_header(key, value)
        if a.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if a.status != 204 else b"")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # Who was killed does not say goodbye, and may be noticed late.
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLEOFError)):
            super().handle_error(request, client_address)


server = Server(("127.0.0.1", 14443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
