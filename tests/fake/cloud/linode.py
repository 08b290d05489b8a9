"""What stands for linode."""
from service import absolute, Answer, page_of, relative, ZONE


class Service:
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
