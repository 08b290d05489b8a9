"""What stands for ovh."""
import hashlib
import json
import re
import time
from service import absolute, Answer, bare, publish, relative, ZONE

KEYS = "ApplicationKey16", "ApplicationSecretOf32Characters0", "ConsumerKeyOf32Characters0000000"
AHEAD_S = 3 * 86400  # its clock is right, of course; that of this machine is not
TOLERANCE_S = 30


class Service:
    """eu.api.ovh.com/console"""

    def __init__(self):
        self.unserved = set()  # names that were changed since the zone was refreshed

    @staticmethod
    def error(status, code, message):
        names = {400: "400 Bad Request", 403: "403 Forbidden", 404: "404 Not Found", 429: "429 Too Many Requests"}
        return Answer(status, {"errorCode": code, "httpCode": names[status], "message": message})

    def now(self):
        return int(time.time()) + AHEAD_S

    def is_known(self, request):
        key, secret, consumer = KEYS
        h = request.headers
        if h.get("X-Ovh-Application") != key:
            raise self.error(403, "INVALID_KEY", "Invalid ApplicationKey")
        if request.path == "/ovh/auth/time":
            return True
        if h.get("X-Ovh-Consumer") != consumer:
            raise self.error(403, "NOT_CREDENTIAL", "This credential does not exist")
        if abs(int(h.get("X-Ovh-Timestamp")) - self.now()) > TOLERANCE_S:
            raise self.error(400, "QUERY_TIME_OUT", "Query out of time")
        url = "https://" + h.get("Host") + request.path
        parts = [secret, consumer, request.method, url, request.body.decode(), h.get("X-Ovh-Timestamp")]
        return h.get("X-Ovh-Signature") == "$1$" + hashlib.sha1("+".join(parts).encode()).hexdigest()

    def unauthorized(self):
        return self.error(400, "INVALID_SIGNATURE", "Invalid signature")

    def busy(self):
        return self.error(429, "TOO_MANY_REQUESTS", "Too many requests")

    def gone(self):
        return Answer(404, {"class": "Client::NotFound::ZoneRecord", "message": "This service does not exist"})

    @staticmethod
    def spoil(rule, path):
        return Answer(502, "Bad Gateway") if rule == "no_refresh" and path.endswith("/refresh") else None

    @staticmethod
    def read(text):
        return json.loads(text) if text else None

    @staticmethod
    def record(r):
        name = "" if r[1] == ZONE else relative(r[1])
        return {"id": int(r[0]), "zone": ZONE, "fieldType": "TXT", "subDomain": name, "target": f'"{r[2]}"', "ttl": r[3]}

    def add(self, store, body):
        if body["fieldType"] != "TXT" or body["subDomain"] == "@" or body["subDomain"].endswith(ZONE):
            return self.error(400, "INVALID_ARGUMENT", "Invalid subDomain")
        if body["ttl"] < 60:
            return self.error(400, "INVALID_ARGUMENT", "Invalid ttl")
        store.next += 1
        name = absolute(body["subDomain"])
        store.records.append([str(store.next), name, bare(body["target"]), body["ttl"]])
        self.unserved.add(name)
        return Answer(200, self.record(store.records[-1]))

    def one(self, store, method, number):
        found = [r for r in store.records if r[0] == number]
        if not found:
            return self.gone()
        if method == "DELETE":
            store.records.remove(found[0])
            self.unserved.add(found[0][1])
        return Answer(200, "null" if method == "DELETE" else self.record(found[0]))

    def ask(self, store, method, path, query, body):
        if path == "/auth/time" and method == "GET":
            return Answer(200, str(self.now()))
        base = f"/domain/zone/{ZONE}"
        if path != base and not path.startswith(base + "/"):
            return self.error(403, "NOT_GRANTED_CALL", "This call has not been granted")
        if path == base and method == "GET":
            return Answer(200, {"name": ZONE, "nameServers": ["dns1.test"], "dnssecSupported": True})
        if path == base + "/record" and method == "GET":
            name = absolute(query.get("subDomain", ""))
            return Answer(200, [int(r[0]) for r in store.records if r[1] == name])
        if path == base + "/record" and method == "POST":
            return self.add(store, body)
        if path == base + "/refresh" and method == "POST" and body is None:
            for name in self.unserved:
                publish(name, store.values(name))
            self.unserved.clear()
            return Answer(200, "null")
        number = re.fullmatch(re.escape(base) + r"/record/(\d+)", path)
        if number and method in ("GET", "DELETE"):
            return self.one(store, method, number[1])
        return self.gone()
