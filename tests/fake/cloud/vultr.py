"""What stands for vultr."""
import base64
from service import absolute, Answer, relative, ZONE


class Service:
    """docs.vultr.com/api"""

    header = "Authorization", "Bearer "
    domains = [{"domain": f"domain{n}.test", "dns_sec": "disabled"} for n in range(620)] + [{"domain": ZONE}]

    @staticmethod
    def error(status, text):
        return Answer(status, {"error": text, "status": status})

    def unauthorized(self):
        return self.error(401, "Invalid API token.")

    def busy(self):
        return self.error(429, "Rate limit reached - please try your request again later.")

    def gone(self):
        return self.error(400, "Invalid record ID")

    def page(self, key, items, query):
        size = int(query.get("per_page", 100))
        if size > 500:
            return self.error(400, "per_page must be at most 500")
        at = 0
        if "cursor" in query:
            word, _, number = base64.b64decode(query["cursor"]).decode().partition("__")
            if word != "next":
                return self.error(400, "Invalid cursor")
            at = int(number)
        after = at + size
        link = base64.b64encode(f"next__{after}".encode()).decode() if after < len(items) else ""
        meta = {"total": len(items), "links": {"next": link, "prev": ""}}
        return Answer(200, {key: items[at:after], "meta": meta})

    @staticmethod
    def record(r):
        name = "" if r[1] == ZONE else relative(r[1])
        number = f"cb676a46-66fd-4dfb-b839-44{int(r[0]):010d}"
        return {"id": number, "type": "TXT", "name": name, "data": f'"{r[2]}"', "priority": -1, "ttl": r[3]}

    def add(self, store, body):
        value, name = body["data"], absolute(body["name"])
        if body["type"] != "TXT" or not (value[:1] == value[-1:] == '"') or len(value) < 3:
            return self.error(400, "TXT data must be in quotation marks")
        if body["ttl"] < 120:
            return self.error(400, "Invalid ttl")
        if store.values(name) and store.ttl(name) != body["ttl"]:
            return self.error(400, "All records of a name must have the same TTL")
        return Answer(201, {"record": self.record(store.add(name, value[1:-1], body["ttl"]))})

    def ask(self, store, method, path, query, body):
        if path == "/domains" and method == "GET":
            return self.page("domains", self.domains, query)
        base = f"/domains/{ZONE}/records"
        if path == base and method == "GET":
            others = [{"id": f"a{n}", "type": "A", "name": f"h{n}", "data": "192.0.2.1", "ttl": 300} for n in range(400)]
            return self.page("records", others + [self.record(r) for r in store.records], query)
        if path == base and method == "POST":
            return self.add(store, body)
        if path.startswith(base + "/") and method == "DELETE":
            return Answer(204) if store.drop(str(int(path[-10:]))) else self.gone()
        return self.error(404, "Invalid resource.")
