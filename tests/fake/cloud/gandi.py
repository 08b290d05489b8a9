"""What stands for gandi."""
import re
from service import absolute, Answer, bare, ZONE


class Service:
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
