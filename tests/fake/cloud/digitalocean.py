"""What stands for digitalocean."""
from service import absolute, Answer, page_of, relative, ZONE


class Service:
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
