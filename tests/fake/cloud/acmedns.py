"""What stands for acme-dns. Its accounts are below the zone's name "auth"."""
import json
import re
import uuid
from base64 import urlsafe_b64encode
from ipaddress import ip_address, ip_network
from os import urandom

from service import Answer, ZONE

OURS = ip_address("127.0.0.1")  # who asks
LABEL = re.compile("[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
VALUE = re.compile("[A-Za-z0-9_-]{43}")


def wrong(status, error):
    return Answer(status, {"error": error})


class Service:
    """github.com/joohoi/acme-dns: README.md, api.go, auth.go, validation.go, db.go"""

    def __init__(self):
        self.accounts = {}  # by username: password, subdomain, allowfrom, values

    def is_known(self, request):
        """auth.go: the account's own password, from where it may be used, for its own subdomain."""
        if not request.path.startswith("/acmedns/update"):
            return "X-Api-Key" not in request.headers
        account = self.accounts.get(request.headers.get("X-Api-User"))
        if account is None or request.headers.get("X-Api-Key") != account["password"]:
            return False
        if account["allowfrom"] and not any(OURS in ip_network(n, False) for n in account["allowfrom"]):
            return False
        return json.loads(request.body).get("subdomain") == account["subdomain"]

    def read(self, text):
        try:
            return json.loads(text) if text else {}
        except ValueError as e:
            raise wrong(400, "malformed_json_payload") from e

    def unauthorized(self):
        return wrong(401, "forbidden")

    def busy(self):
        return Answer(429, "slow down")

    def register(self, body):
        allowed = body.get("allowfrom") or []
        try:
            _ = [ip_network(n, False) for n in allowed]
        except ValueError as e:
            raise wrong(400, "invalid_allowfrom_cidr") from e
        user, subdomain = str(uuid.uuid4()), str(uuid.uuid4())
        password = urlsafe_b64encode(urandom(30)).decode()
        self.accounts[user] = {"password": password, "subdomain": subdomain, "allowfrom": allowed, "values": []}
        told = {"username": user, "password": password, "fulldomain": f"{subdomain}.auth.{ZONE}"}
        return Answer(201, {**told, "subdomain": subdomain, "allowfrom": allowed})

    def update(self, store, body):
        if not LABEL.fullmatch(body["subdomain"]):
            raise wrong(400, "bad_subdomain")
        if not VALUE.fullmatch(body.get("txt", "")):
            raise wrong(400, "bad_txt")
        account = next(a for a in self.accounts.values() if a["subdomain"] == body["subdomain"])
        account["values"] = (account["values"] + [body["txt"]])[-2:]  # the older one is replaced
        store.put(f"{body['subdomain']}.auth.{ZONE}", account["values"], 1)
        return Answer(200, {"txt": body["txt"]})

    def ask(self, store, method, path, query, body):
        if (method, path) == ("POST", "/register"):
            return self.register(body)
        if (method, path) == ("POST", "/update"):
            return self.update(store, body)
        return Answer(404, "404 page not found\n")
