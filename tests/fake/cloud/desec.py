"""What stands for desec."""
import re
from service import absolute, Answer, quoted, relative, ZONE


class Service:
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
