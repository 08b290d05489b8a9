"""What stands for google."""
import base64
import json
import re
import subprocess
import tempfile
import time
from service import Answer, DIRECTORY, ORIGIN, quoted, Tokens, ZONE

PROJECT = "project-one"
EMAIL = f"pgcert@{PROJECT}.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"
URL = ORIGIN + "/google/token"
BASE = f"/projects/{PROJECT}/managedZones"


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Service:
    """cloud.google.com/dns/docs/reference/rest/v1, developers.google.com/identity/protocols/oauth2"""

    # one page holds one; the private one comes first
    zones = [
        {"kind": "dns#managedZone", "name": "inside", "dnsName": ZONE + ".", "visibility": "private"},
        {"kind": "dns#managedZone", "name": "outside-1", "dnsName": ZONE + ".", "visibility": "public"},
    ]

    def __init__(self):
        self.tokens = Tokens("google")
        self.changes = []
        self.only_deleted = False

    # ---- who asks ----

    @staticmethod
    def no_token(error, text):
        return Answer(400, {"error": error, "error_description": text})

    @staticmethod
    def is_signed(signed, signature):
        with tempfile.NamedTemporaryFile() as f:
            f.write(signature)
            f.flush()
            command = ["openssl", "dgst", "-sha256", "-verify", DIRECTORY + "/google.pub", "-signature", f.name]
            return subprocess.run(command, input=signed, capture_output=True, check=False).returncode == 0

    def grant(self, path, form):
        if path != "/token":
            return None
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self.no_token("unsupported_grant_type", "Invalid grant_type: " + form.get("grant_type", ""))
        head, claims, signature = form["assertion"].split(".")
        if json.loads(decoded(head)) != {"alg": "RS256", "typ": "JWT", "kid": "key-1"}:
            return self.no_token("invalid_grant", "Invalid JWT: Failed audience check.")
        if not self.is_signed(f"{head}.{claims}".encode(), decoded(signature)):
            return self.no_token("invalid_grant", "Invalid JWT Signature.")
        c = json.loads(decoded(claims))
        now = time.time()
        if not (c["iat"] <= now < c["exp"] <= c["iat"] + 3600):
            text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            return self.no_token("invalid_grant", text)
        if c["iss"] != EMAIL:
            return self.no_token("invalid_grant", "Invalid grant: account not found")
        if c["aud"] != URL or c["scope"] != SCOPE:
            return self.no_token("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return self.tokens.give()

    # ---- errors ----

    @staticmethod
    def error(status, reason, message):
        errors = [{"message": message, "domain": "global", "reason": reason}]
        return Answer(status, {"error": {"code": status, "message": message, "errors": errors}})

    def unauthorized(self):
        return self.error(401, "authError", "Request had invalid authentication credentials.")

    def busy(self):
        return self.error(403, "rateLimitExceeded", "Rate Limit Exceeded")

    def gone(self):
        return self.error(404, "notFound", "The 'entity.change.deletions[0]' resource does not exist.")

    # ---- zones and sets ----

    def page(self, query, pages, member, kind):
        tokens = [f"a/b+c={n}" for n in range(len(pages))]
        if query.get("pageToken", tokens[0]) not in tokens:
            return self.error(400, "invalid", "Invalid value for 'parameters.pageToken'")
        number = tokens.index(query.get("pageToken", tokens[0]))
        answer = {"kind": kind, member: pages[number]} if pages[number] else {"kind": kind}
        if number + 1 < len(pages):
            answer["nextPageToken"] = tokens[number + 1]
        return Answer(200, answer)

    def ask(self, store, method, path, query, body):
        self.only_deleted = False
        if path == BASE and method == "GET":
            found = [z for z in self.zones if query.get("dnsName", z["dnsName"]) == z["dnsName"]]
            return self.page(query, [[z] for z in found] or [[]], "managedZones", "dns#managedZonesListResponse")
        zone = f"{BASE}/{self.zones[1]['name']}"
        if path == zone and method == "GET":
            return Answer(200, self.zones[1])
        if path == zone + "/rrsets" and method == "GET" and query["type"] == "TXT":
            found = self.rrset(store, query["name"])
            pages = [[], [found] if found else []]
            return self.page(query, pages, "rrsets", "dns#resourceRecordSetsListResponse")
        if path == zone + "/changes" and method == "POST":
            return self.change(store, body)
        number = re.fullmatch(re.escape(zone) + "/changes/([0-9]+)", path)
        if number and method == "GET":
            change = self.changes[int(number[1])]
            change["status"] = "done"
            return Answer(200, change)
        return self.error(404, "notFound", f"The 'parameters' resource named '{path}' does not exist.")

    @staticmethod
    def rrset(store, name):
        bare = name[:-1]
        if not store.values(bare):
            return None
        values = [f'"{v}"' for v in store.values(bare)]
        kind = "dns#resourceRecordSet"
        return {"kind": kind, "name": name, "type": "TXT", "ttl": store.ttl(bare), "rrdatas": values, "signatureRrdatas": []}

    def change(self, store, body):
        deletions, additions = body.get("deletions", []), body.get("additions", [])
        for n, d in enumerate(deletions):
            there = self.rrset(store, d["name"])
            if there is None:
                return self.error(404, "notFound", f"The 'entity.change.deletions[{n}]' resource named '{d['name']} (TXT)' does not exist.")
            if d != there:
                return self.error(412, "conditionNotMet", f"Precondition not met for 'entity.change.deletions[{n}]'")
        deleted = [d["name"] for d in deletions]
        for n, a in enumerate(additions):
            if a["name"] not in deleted and self.rrset(store, a["name"]):
                return self.error(409, "alreadyExists", f"The resource 'entity.change.additions[{n}]' named '{a['name']} (TXT)' already exists")
            if a["type"] != "TXT" or a["ttl"] < 0 or not a["rrdatas"] or not a["name"].endswith(ZONE + "."):
                return self.error(400, "invalid", f"Invalid value for 'entity.change.additions[{n}]'")
        for d in deletions:
            if d["name"] not in [a["name"] for a in additions]:
                store.put(d["name"][:-1], [], 0)
        for a in additions:
            store.put(a["name"][:-1], [quoted(v) for v in a["rrdatas"]], a["ttl"])
        self.only_deleted = not additions
        self.changes.append(dict(body, id=str(len(self.changes)), status="pending"))
        return Answer(200, dict(self.changes[-1]))
