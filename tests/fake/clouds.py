#!/usr/bin/env python3
"""Stands for DNS services with an HTTP API: speaks their documented wire format, and puts the TXT
records that it accepts into the world's BIND, so that an issuer sees them.

usage: clouds.py DIRECTORY ZONE KEYFILE

DIRECTORY  cert.pem, key.pem (as whom it serves https on 127.0.0.1:14443), and
           rules   what goes wrong, a rule a line, read anew for each request; see spoil()
           log     each request: SERVICE METHOD PATH?QUERY STATUS
The services are at https://localhost:14443/SERVICE; the token of each is "token-of-SERVICE".
"""
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import urllib.parse

directory, ZONE, KEY = sys.argv[1:4]
FILLER = 230  # records of others in the zone: more than a page of any service
lock = threading.Lock()


class Answer(Exception):
    """Ends a request with that."""

    def __init__(self, status, body=None, headers=()):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers)


class Store:
    """The TXT records that one service has: [id, name, value, ttl], values without quotes."""

    def __init__(self):
        self.records = [[str(n), f"filler{n}.{ZONE}", "of others", 3600] for n in range(1, FILLER)]
        self.next = 1000

    def values(self, name):
        return [r[2] for r in self.records if r[1] == name]

    def add(self, name, value, ttl):
        self.next += 1
        self.records.append([str(self.next), name, value, ttl])
        publish(name, self.values(name))
        return self.records[-1]

    def drop(self, number):
        found = [r for r in self.records if r[0] == number]
        self.records = [r for r in self.records if r[0] != number]
        for r in found:
            publish(r[1], self.values(r[1]))
        return bool(found)

    def put(self, name, values, ttl):
        self.records = [r for r in self.records if r[1] != name]
        for value in values:
            self.next += 1
            self.records.append([str(self.next), name, value, ttl])
        publish(name, values)

    def ttl(self, name):
        return next(r[3] for r in self.records if r[1] == name)


def publish(name, values):
    lines = ["server 127.0.0.1", f"update delete {name}. TXT"]
    lines += [f'update add {name}. 60 TXT "{v}"' for v in values] + ["send", ""]
    subprocess.run(["nsupdate", "-k", KEY], input="\n".join(lines), text=True, check=True)


def absolute(relative):
    return ZONE if relative in ("", "@") else f"{relative}.{ZONE}"


def relative(name):
    return "@" if name == ZONE else name[: -len(ZONE) - 1]


def bare(value):
    return value[1:-1] if value[:1] == '"' and value[-1:] == '"' else value


def quoted(value):
    if not (len(value) >= 2 and value[0] == '"' and value[-1] == '"'):
        raise Answer(400, {"detail": "a TXT value must be in quotation marks"})
    return value[1:-1]


def page_of(items, query, most):
    size = min(int(query.get("per_page", 20)), most)
    page = int(query.get("page", 1))
    pages = max(1, -(-len(items) // size))
    return items[(page - 1) * size : page * size], page, size, pages


class Cloudflare:
    """developers.cloudflare.com/api"""

    header = "Authorization", "Bearer "
    zone_id = "023e105f4ecef8ad9ca31a8372d0c353"

    @staticmethod
    def error(status, code, message):
        body = {"success": False, "errors": [{"code": code, "message": message}], "messages": []}
        return Answer(status, dict(body, result=None))

    def unauthorized(self):
        return self.error(403, 9109, "Invalid access token")

    def busy(self):
        return self.error(429, 971, "Please wait and consider throttling your request speed")

    def good(self, result, **more):
        body = {"success": True, "errors": [], "messages": [], "result": result}
        return Answer(200, dict(body, **more))

    def record(self, r):
        return {"id": r[0], "name": r[1], "type": "TXT", "content": f'"{r[2]}"', "ttl": r[3]}

    def ask(self, store, method, path, query, body):
        if path == "/zones" and method == "GET":
            found = [{"id": self.zone_id, "name": ZONE}] if query.get("name") == ZONE else []
            return self.good(found, result_info={"page": 1, "total_pages": len(found)})
        base = f"/zones/{self.zone_id}/dns_records"
        if path == base and method == "GET":
            items = [r for r in store.records if query.get("name", r[1]) == r[1]]
            items, page, size, pages = page_of(items, query, 100)
            info = {"page": page, "per_page": size, "total_pages": pages, "count": len(items)}
            return self.good([self.record(r) for r in items], result_info=info)
        if path == base and method == "POST":
            if body["ttl"] != 1 and body["ttl"] < 60:
                return self.error(400, 9021, "Invalid TTL. Must be between 60 and 86400 seconds")
            if bare(body["content"]) in store.values(body["name"]):
                return self.error(400, 81058, "An identical record already exists.")
            return self.good(self.record(store.add(body["name"], bare(body["content"]), body["ttl"])))
        if path.startswith(base + "/") and method == "DELETE":
            number = path[len(base) + 1 :]
            if not store.drop(number):
                return self.error(404, 81044, "Record does not exist.")
            return self.good({"id": number})
        return self.error(404, 7003, "Could not route to " + path)

    def gone(self):
        return self.error(404, 81044, "Record does not exist.")


class Desec:
    """desec.readthedocs.io"""

    header = "Authorization", "Token "

    def unauthorized(self):
        return Answer(401, {"detail": "Invalid token."})

    def busy(self):
        return Answer(429, {"detail": "Request was throttled. Expected available in 1 second."})

    def ask(self, store, method, path, query, body):
        if path == "/domains/" and method == "GET":
            name = query["owns_qname"]
            found = name == ZONE or name.endswith("." + ZONE)
            return Answer(200, [{"name": ZONE, "minimum_ttl": 3600}] if found else [])
        base = f"/domains/{ZONE}/rrsets/"
        one = re.fullmatch(re.escape(base) + "([^/]+)/TXT/", path)
        if one and method == "GET":
            name = absolute(one[1])
            if not store.values(name):
                return Answer(404, {"detail": "Not found."})
            return Answer(200, self.rrset(store, name))
        if path == base and method == "PATCH":
            return self.change(store, body)
        return Answer(404, {"detail": "Not found."})

    @staticmethod
    def rrset(store, name):
        values = [f'"{v}"' for v in store.values(name)]
        sub = "" if name == ZONE else relative(name)
        return {"domain": ZONE, "subname": sub, "type": "TXT", "records": values, "ttl": store.ttl(name)}

    def change(self, store, sets):
        for s in sets:
            if s["subname"] == "@" or s["type"] != "TXT":
                return Answer(400, [{"subname": ["Invalid."]}])
            if s["ttl"] < 3600:
                text = "Ensure this value is greater than or equal to 3600."
                return Answer(400, [{"ttl": [text]}])
        for s in sets:
            store.put(absolute(s["subname"]), [quoted(v) for v in s["records"]], s["ttl"])
        names = [absolute(s["subname"]) for s in sets if s["records"]]
        return Answer(200, [self.rrset(store, n) for n in names])


class Digitalocean:
    """docs.digitalocean.com/reference/api"""

    header = "Authorization", "Bearer "

    def unauthorized(self):
        return Answer(401, {"id": "Unauthorized", "message": "Unable to authenticate you"})

    def busy(self):
        return Answer(429, {"id": "too_many_requests", "message": "API rate limit exceeded."})

    def gone(self):
        text = "The resource you were accessing could not be found."
        return Answer(404, {"id": "not_found", "message": text})

    def ask(self, store, method, path, query, body):
        base = f"/domains/{ZONE}"
        if path == base and method == "GET":
            return Answer(200, {"domain": {"name": ZONE, "ttl": 1800, "zone_file": ""}})
        if path == base + "/records" and method == "GET":
            items = [r for r in store.records if query.get("name", r[1]) == r[1]]
            items, page, _, pages = page_of(items, query, 200)
            links = {"pages": {"next": "https://elsewhere.test/?page=2"}} if page < pages else {}
            found = [{"id": int(r[0]), "type": "TXT", "name": relative(r[1]), "data": r[2]} for r in items]
            return Answer(200, {"domain_records": found, "links": links, "meta": {}})
        if path == base + "/records" and method == "POST":
            if body["ttl"] < 30:
                text = "TTL must be greater than or equal to 30."
                return Answer(422, {"id": "unprocessable_entity", "message": text})
            r = store.add(absolute(body["name"]), body["data"], body["ttl"])
            return Answer(201, {"domain_record": {"id": int(r[0]), "type": "TXT"}})
        if path.startswith(base + "/records/") and method == "DELETE":
            return Answer(204) if store.drop(path[len(base) + 9 :]) else self.gone()
        return self.gone()


class Gandi:
    """api.gandi.net/docs/livedns"""

    header = "Authorization", "Bearer "

    @staticmethod
    def error(status, text):
        return Answer(status, {"code": status, "message": text, "object": "HTTPError", "cause": "-"})

    def unauthorized(self):
        return self.error(401, "The server could not verify that you authorized to access the document.")

    def busy(self):
        return self.error(429, "Too many requests")

    def gone(self):
        return self.error(404, "Can't find the DNS record")

    def ask(self, store, method, path, query, body):
        if path == f"/domains/{ZONE}" and method == "GET":
            return Answer(200, {"fqdn": ZONE, "automatic_snapshots": True})
        one = re.fullmatch(f"/domains/{re.escape(ZONE)}/records/([^/]+)/TXT", path)
        if not one:
            return self.error(404, "Unknown domain")
        name = absolute(one[1])
        if method == "PUT":
            if body["rrset_ttl"] < 300 or not body["rrset_values"]:
                return self.error(400, "rrset_ttl: must be at least 300")
            store.put(name, [bare(v) for v in body["rrset_values"]], body["rrset_ttl"])
            return Answer(201, {"message": "DNS Record Created"})
        if not store.values(name):
            return self.gone()
        if method == "DELETE":
            store.put(name, [], 0)
            return Answer(204)
        values = [f'"{v}"' for v in store.values(name)]
        return Answer(200, {"rrset_name": one[1], "rrset_type": "TXT", "rrset_ttl": store.ttl(name), "rrset_values": values})


class Linode:
    """techdocs.akamai.com/linode-api"""

    header = "Authorization", "Bearer "
    # more than a page; ours is among the last
    domains = [{"id": n, "domain": f"domain{n}.test"} for n in range(1, 620)] + [{"id": 7777, "domain": ZONE}]

    @staticmethod
    def error(status, reason):
        return Answer(status, {"errors": [{"reason": reason}]})

    def unauthorized(self):
        return self.error(401, "Invalid Token")

    def busy(self):
        return self.error(429, "Too many requests")

    def gone(self):
        return self.error(404, "Not found")

    def page(self, items, query, make):
        if not 25 <= int(query.get("page_size", 100)) <= 500:
            return self.error(400, "Must be 25-500")
        query = dict(query, per_page=query.get("page_size", 100))
        found, page, _, pages = page_of(items, query, 500)
        return Answer(200, {"data": [make(i) for i in found], "page": page, "pages": pages, "results": len(items)})

    @staticmethod
    def record(r):
        name = "" if r[1] == ZONE else relative(r[1])
        return {"id": int(r[0]), "type": "TXT", "name": name, "target": r[2], "ttl_sec": r[3]}

    def ask(self, store, method, path, query, body):
        if path == "/domains" and method == "GET":
            return self.page(self.domains, query, dict)
        if path == "/domains/7777/records" and method == "GET":
            padding = [["3", f"more{n}.{ZONE}", "of others", 300] for n in range(400)]
            return self.page(padding + store.records, query, self.record)
        if path == "/domains/7777/records" and method == "POST":
            return Answer(200, self.record(store.add(absolute(body["name"]), body["target"], body["ttl_sec"])))
        if path.startswith("/domains/7777/records/") and method == "DELETE":
            return Answer(200, {}) if store.drop(path[22:]) else self.gone()
        return self.gone()


SERVICES = {c.__name__.lower(): (c(), Store()) for c in (Cloudflare, Desec, Digitalocean, Gandi, Linode)}
done = {}  # how often a rule was followed


def rules():
    with open(directory + "/rules", encoding="ascii") as f:
        text = f.read()
        written = os.fstat(f.fileno()).st_mtime_ns
    if done.get("written") != written:  # other rules: counted anew
        done.clear()
        done["written"] = written
    return [line.split() for line in text.splitlines() if line]


def first(rule, times):
    done[rule] = done.get(rule, 0) + 1
    return done[rule] <= times


def spoil(service, method):
    """What goes wrong before the service does anything."""
    for rule, *words in rules():
        if rule == "busy" and first("busy", int(words[0])):  # busy COUNT RETRY-AFTER
            answer = service.busy()
            answer.headers["Retry-After"] = words[1]
            raise answer
        if rule == "unavailable" and first("unavailable", int(words[0])):  # 503, without advice
            raise Answer(503, "Service Unavailable")
        if rule == "fails" and method != "GET":  # fails: nothing can be changed
            raise Answer(500, {"message": "internal error"})
        if rule == "garbage":
            raise Answer(200, "<html>Welcome to the wireless network of your hotel</html>")
        if rule == "empty":
            raise Answer(200, {})
        if rule == "redirect":
            raise Answer(302, "", {"Location": "https://elsewhere.test/"})
        if rule == "echo":  # repeats the token
            raise Answer(400, {"message": "bad token " + words[0]})


def spoil_after(service, store, method, before):
    """What goes wrong after it was done."""
    for rule, *_ in rules():
        if rule == "gone" and method == "DELETE":  # it was deleted already
            raise service.gone() if hasattr(service, "gone") else Answer(404, {"detail": "Not found."})
        if rule == "lost" and method != "GET" and first("lost", 1):  # done, but the answer is lost
            raise Answer(502, "Bad Gateway")
        if rule == "race" and method != "GET" and first("race", 1):
            # somebody who had read before that change writes now, and has a value of his own
            for name in {r[1] for r in store.records} ^ {r[1] for r in before}:
                store.put(name, [r[2] for r in before if r[1] == name] + ["theirs"], 4000)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, method):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        name, _, path = url.path[1:].partition("/")
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        service, store = SERVICES[name]
        key, before_token = service.header
        try:
            spoil(service, method)
            if self.headers.get(key) != before_token + "token-of-" + name:
                raise service.unauthorized()
            if text and self.headers.get("Content-Type") != "application/json":
                raise Answer(415, {"message": "Unsupported Media Type"})
            before = list(store.records)
            answer = service.ask(store, method, "/" + path, query, json.loads(text) if text else None)
            spoil_after(service, store, method, before)
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


server = http.server.ThreadingHTTPServer(("127.0.0.1", 14443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
