"""What stands for porkbun."""
import json
import re
from service import absolute, Answer, ZONE

CLOSED = "closed.test"  # in the account, but without API access


class Service:
    """porkbun.com/api/json/v3/documentation"""

    domains = [{"domain": f"domain{n}.test", "status": "ACTIVE"} for n in range(1200)]
    domains += [{"domain": CLOSED, "status": "ACTIVE"}, {"domain": ZONE, "status": "ACTIVE"}]

    @staticmethod
    def error(status, code, message):
        return Answer(status, {"status": "ERROR", "code": code, "message": message})

    @staticmethod
    def is_known(request):
        # either the headers or the body; ours never has a key in a body
        body = json.loads(request.body)
        if request.method != "POST" or "apikey" in body or "secretapikey" in body:
            raise Answer(400, {"status": "ERROR", "message": "not as pgcert asks"})
        keys = request.headers.get("X-API-Key"), request.headers.get("X-Secret-API-Key")
        return keys == ("token-of-porkbun", "secret-of-porkbun")

    def unauthorized(self):
        return self.error(400, "INVALID_API_KEYS_001", "Invalid API key. (001)")

    def busy(self):
        return self.error(429, "RATE_LIMIT_EXCEEDED", "Too many requests")

    def gone(self):
        return self.error(400, "INVALID_RECORD_ID", "Invalid record ID.")

    @staticmethod
    def is_change(request):
        return request.inner.startswith(("/dns/create/", "/dns/delete/"))

    def spoil(self, rule, path):
        if rule != "unable" or not path.startswith("/dns/create/"):
            return None
        return self.error(400, "CREATE_ERROR", "Create error: We were unable to create the DNS record.")

    @staticmethod
    def is_deletion(request):
        return request.inner.startswith("/dns/delete/")

    @staticmethod
    def good(**more):
        return Answer(200, dict({"status": "SUCCESS"}, **more))

    @staticmethod
    def record(r):
        return {"id": r[0], "name": r[1], "type": "TXT", "content": r[2], "ttl": str(r[3]), "prio": "0", "notes": ""}

    def create(self, store, body):
        if body["type"] != "TXT" or body["name"].endswith(ZONE) or body["name"] == "@":
            return self.error(400, "INVALID_NAME", "Invalid name.")
        if int(body["ttl"]) < 600:
            return self.error(400, "INVALID_TTL", "Invalid TTL.")
        name = absolute(body["name"])
        if body["content"] in store.values(name):
            return self.error(400, "DUPLICATE_RECORD", "A record like that exists.")
        return self.good(id=int(store.add(name, body["content"], int(body["ttl"]))[0]))

    def ask(self, store, method, path, query, body):
        if path == "/domain/listAll":
            at = int(body.get("start", 0))
            return self.good(domains=self.domains[at : at + 1000])
        one = re.fullmatch(r"/dns/(\w+)/([^/]+)(/.*)?", path)
        if not one:
            return self.error(404, "NOT_FOUND", "No such endpoint.")
        what, domain, rest = one[1], one[2], (one[3] or "")[1:]
        if domain != ZONE:
            return self.error(400, "INVALID_DOMAIN", "Domain is not opted in to API access.")
        if what == "create":
            return self.create(store, body)
        if what == "delete":
            return self.good() if store.drop(rest) else self.gone()
        if what == "retrieve" and rest == "":
            others = [{"id": str(n), "name": ZONE, "type": "NS", "content": "ns1"} for n in range(90000, 90004)]
            return self.good(cloudflare="enabled", records=others + [self.record(r) for r in store.records])
        if what == "retrieveByNameType" and rest[:3] == "TXT":
            name = absolute(rest[4:])
            return self.good(records=[self.record(r) for r in store.records if r[1] == name])
        return self.error(404, "NOT_FOUND", "No such endpoint.")
