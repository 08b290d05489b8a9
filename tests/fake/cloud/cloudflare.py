"""What stands for cloudflare."""
from service import Answer, bare, page_of, ZONE


class Service:
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
