"""What stands for azure."""
import hashlib
import json
import re
import urllib.parse
from service import absolute, Answer, DIRECTORY, ORIGIN, Tokens, ZONE

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT = "0f2c1a4e-1111-4222-8333-444455556666"
SECRET = "8Q~value.of-the_secret"
BASE = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/group (one)/providers/Microsoft.Network/dnsZones"


class Service:
    """learn.microsoft.com/rest/api/dns, learn.microsoft.com/entra/identity-platform"""

    def __init__(self):
        self.tokens = Tokens("azure")
        self.metadata = {}

    # ---- who asks ----

    @staticmethod
    def no_token(status, error, code, text):
        text = f"AADSTS{code}: {text} Trace ID: 785a8cbe-8d93 Correlation ID: 7ca43917-433b Timestamp: 2023-06-11 13:40:19Z"
        return Answer(status, {"error": error, "error_description": text, "error_codes": [code]})

    def grant(self, path, form):
        tenant = re.fullmatch("/([^/]+)/oauth2/v2.0/token", path)
        if not tenant:
            return None
        if tenant[1] != TENANT:
            return self.no_token(400, "invalid_request", 90002, f"Tenant '{tenant[1]}' not found.")
        if form.get("grant_type") != "client_credentials":
            return self.no_token(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != CLIENT:
            text = f"Application with identifier '{form.get('client_id')}' was not found in the directory."
            return self.no_token(400, "unauthorized_client", 700016, text)
        if form.get("scope") != ORIGIN + "/azure/.default":
            return self.no_token(400, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
        if form.get("client_secret") != SECRET:
            return self.no_token(401, "invalid_client", 7000215, "Invalid client secret provided.")
        return self.tokens.give()

    # ---- zones and sets ----

    @staticmethod
    def error(status, code, message):
        return Answer(status, {"error": {"code": code, "message": message}})

    def unauthorized(self):
        return self.error(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time.")

    def busy(self):
        return self.error(429, "TooManyRequests", "The request is being throttled.")

    def gone(self):
        return Answer(204)

    def overtaken(self, name):
        self.metadata[name] = {"owner": "others"}
        self.note()

    def note(self):
        with open(DIRECTORY + "/azure-metadata", "w", encoding="ascii") as f:
            json.dump(self.metadata, f)

    def ask(self, store, method, path, query, body):
        path = urllib.parse.unquote(path)
        if query.get("api-version") != "2018-05-01":
            return self.error(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        group = re.fullmatch(r"/subscriptions/[^/]+/resourceGroups/([^/]+)/.*", path)
        if not path.startswith(BASE + "/"):
            return self.error(404, "ResourceGroupNotFound", f"Resource group '{group[1]}' could not be found.")
        zone, *rest = path[len(BASE) + 1 :].split("/")
        if zone != ZONE and self.is_hidden():
            text = f"The client does not have authorization to perform action 'Microsoft.Network/dnsZones/read' over scope '{path}'"
            return self.error(403, "AuthorizationFailed", text)
        if zone != ZONE:
            return self.error(404, "ResourceNotFound", f"The Resource 'Microsoft.Network/dnsZones/{zone}' was not found.")
        if not rest:
            return Answer(200, {"name": ZONE, "type": "Microsoft.Network/dnszones", "properties": {"zoneType": "Public"}})
        if len(rest) != 2 or rest[0] != "TXT":
            return self.error(404, "NotFound", "no such resource")
        return self.record_set(store, method, absolute(rest[1]), body)

    @staticmethod
    def is_hidden():
        with open(DIRECTORY + "/rules", encoding="ascii") as f:
            return "hidden\n" in f

    @staticmethod
    def etag(store, name):
        records = [r for r in store.records if r[1] == name]
        return hashlib.md5(repr(records).encode()).hexdigest() if records else None

    def show(self, store, name):
        # a value with '" "' in it is of several strings
        records = [{"value": v.split('" "')} for v in store.values(name)]
        properties = {"TTL": store.ttl(name), "TXTRecords": records, "fqdn": name + "."}
        if name in self.metadata:
            properties["metadata"] = self.metadata[name]
        return {"etag": self.etag(store, name), "name": name, "properties": properties}

    def record_set(self, store, method, name, body):
        etag = self.etag(store, name)
        if method == "GET":
            if etag is None:
                return self.error(404, "NotFound", f"The resource record '{name}' does not exist in resource group.")
            return Answer(200, self.show(store, name))
        if self.headers.get("If-Match", etag) != etag or (self.headers.get("If-None-Match") == "*" and etag):
            return self.error(412, "PreconditionFailed", "The condition in the header was not satisfied.")
        if not self.headers.get("If-Match") and not self.headers.get("If-None-Match"):
            raise ValueError("a set was written without a condition")
        if method == "DELETE":
            store.put(name, [], 0)
            self.metadata.pop(name, None)
            return Answer(200 if etag else 204)
        properties = body["properties"]
        if not 1 <= properties["TTL"] <= 2147483647:
            return self.error(400, "BadRequest", "The value of the TTL is out of range.")
        if any('"' in text for r in properties["TXTRecords"] for text in r["value"]):
            raise ValueError("several strings became one")
        store.put(name, ['" "'.join(r["value"]) for r in properties["TXTRecords"]], properties["TTL"])
        self.metadata.pop(name, None)
        if "metadata" in properties:
            self.metadata[name] = properties["metadata"]
        self.note()
        return Answer(200 if etag else 201, self.show(store, name))
