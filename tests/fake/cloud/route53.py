"""What stands for route53, and for the metadata service of an EC2 machine."""
import calendar
import hashlib
import hmac
import http.server
import json
import re
import sys
import threading
import time
import urllib.parse
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from service import Answer, quoted, ZONE

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
ROLE = "ASIAROLEEXAMPLE12345"
# access key id: secret, token of the session, whether the session has ended
KEYS = {
    "AKIAIOSFODNN7EXAMPLE": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, False),
    "ASIASESSIONEXAMPLE12": ("session+secret/of/route53", "session//token==", False),
    "ASIAENDEDEXAMPLE1234": ("session+secret/of/route53", "ended//token==", True),
    ROLE: ("role+secret/of/route53", "role//token==", False),
}
PUBLIC, PRIVATE = "Z1PUBLIC", "Z0PRIVATE"
BETWEEN = [False]


def labels(name):
    return [label.lower() for label in reversed(name.rstrip(".").split("."))]


def shown(name):
    """A name as Route 53 shows it."""
    return re.sub(r"[^a-z0-9._-]", lambda m: "\\%03o" % ord(m[0]), name.rstrip(".")) + "."


class Service:
    """docs.aws.amazon.com/Route53/latest/APIReference"""

    says_when = False  # Throttling comes without Retry-After

    def __init__(self):
        # more private zones of that name than a page has, and the public one last
        self.zones = [(f"{PRIVATE}{n:03}", ZONE, True) for n in range(120)] + [(PUBLIC, ZONE, False)]
        self.zones += [(f"Z2OTHER{n:03}", f"other{n}.test", False) for n in range(150)]
        self.zones += [("Z3TWIN1", "twin.test", False), ("Z3TWIN2", "twin.test", False)]
        self.zones.sort(key=lambda z: (labels(z[1]), z[0]))
        self.changes = {}
        metadata = http.server.ThreadingHTTPServer(("127.0.0.1", 14480), Metadata)
        metadata.service = self
        threading.Thread(target=metadata.serve_forever, daemon=True).start()

    def fill(self, store):
        odd = ['a\\"b', "x\\052y", '1" "2', "a<b>&'c'"]
        store.records += [[f"odd{i}", f"_acme-challenge.odd.{ZONE}", v, 77] for i, v in enumerate(odd)]
        store.records += [["star", f"*.{ZONE}", "wild", 300]]

    # ---- answers

    @staticmethod
    def error(status, code, message):
        text = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return Answer(status, f'{HEAD}<ErrorResponse xmlns="{NAMESPACE}">{text}<RequestId>1-2</RequestId></ErrorResponse>')

    @staticmethod
    def good(name, text):
        return Answer(200, f'{HEAD}<{name} xmlns="{NAMESPACE}">{text}</{name}>')

    def busy(self):
        return self.error(400, "Throttling", "Rate exceeded")

    def failed(self):
        return self.error(500, "InternalFailure", "internal error")

    def empty(self, path):
        names = {"hostedzonesbyname": "ListHostedZonesByName", "rrset": "ListResourceRecordSets"}
        return self.good(names.get(path.split("?")[0].split("/")[-1], "GetChange") + "Response", "")

    def unauthorized(self):
        return self.error(403, "MissingAuthenticationToken", "Missing Authentication Token")

    def rule(self, name):
        return next((rule[1:] for rule in self.rules() if rule[0] == name), None)

    # ---- who asks: Signature Version 4, as its manual describes it

    def canonical(self, request, signed):
        path, _, query = request.path.partition("?")
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        pairs = sorted((urllib.parse.quote(k, "-_.~"), urllib.parse.quote(v, "-_.~")) for k, v in pairs)
        headers = [n + ":" + ",".join(" ".join(v.split()) for v in request.headers.get_all(n, [])) for n in signed]
        return "\n".join(
            [
                request.method,
                urllib.parse.quote(path, "/-_.~"),
                "&".join(k + "=" + v for k, v in pairs),
                *headers,
                "",
                ";".join(signed),
                hashlib.sha256(request.body).hexdigest(),
            ]
        )

    def is_known(self, request):
        form = r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})"
        found = re.fullmatch(form, request.headers.get("Authorization", ""))
        at = request.headers.get("X-Amz-Date", "")
        if not found or not at.startswith(found[2]):
            raise self.error(403, "IncompleteSignature", "Authorization header is not as it must be")
        key, day, region, name, signed = found.groups()[:5]
        if key not in KEYS:
            raise self.error(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        secret, token, ended = KEYS[key]
        must = {"host", "x-amz-date"} | ({"x-amz-security-token"} if token else set())
        canonical = self.canonical(request, signed.split(";"))
        text = "\n".join(
            ["AWS4-HMAC-SHA256", at, f"{day}/{region}/{name}/aws4_request", hashlib.sha256(canonical.encode()).hexdigest()]
        )
        mac = ("AWS4" + secret).encode()
        for part in (day, region, name, "aws4_request", text):
            mac = hmac.new(mac, part.encode(), hashlib.sha256).digest()
        if not must <= set(signed.split(";")) or not hmac.compare_digest(mac.hex(), found[6]):
            why = "The request signature we calculated does not match the signature you provided."
            raise self.error(403, "SignatureDoesNotMatch", f"{why}\n\nThe Canonical String for this request should have been\n'{canonical}'")
        if token != request.headers.get("X-Amz-Security-Token"):
            raise self.error(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        if ended:
            raise self.error(403, "ExpiredToken", "The security token included in the request is expired")
        if (region, name) != ("us-east-1", "route53"):
            raise self.error(403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
        now = time.time() + (3600 if self.rule("late") is not None else 0)
        if abs(calendar.timegm(time.strptime(at, "%Y%m%dT%H%M%SZ")) - now) > 300:
            there = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now - 300))
            raise self.error(403, "SignatureDoesNotMatch", f"Signature expired: {at} is now earlier than {there} (... - 5 min.)")
        return True

    def read(self, text):
        return ElementTree.fromstring(text) if text else None

    # ---- what is asked

    def ask(self, store, method, path, query, body):
        if self.rule("code"):  # code STATUS CODE WORD...
            status, code, *words = self.rule("code")
            raise self.error(int(status), code, " ".join(words))
        if method == "GET" and path == "/2013-04-01/hostedzonesbyname":
            return self.list_zones(query)
        change = re.fullmatch("/2013-04-01/change/(C[0-9]+)", path)
        if method == "GET" and change:
            return self.get_change(change[1])
        zone = re.fullmatch("/2013-04-01/hostedzone/(Z[A-Z0-9]+)(/rrset)?", path)
        if not zone or zone[1] not in [z[0] for z in self.zones]:
            raise self.error(404, "NoSuchHostedZone", "No hosted zone found with ID: " + path.split("/")[3])
        if method == "GET" and not zone[2]:
            found = next(z for z in self.zones if z[0] == zone[1])
            return self.good("GetHostedZoneResponse", self.zone(found))
        if zone[1] != PUBLIC:
            raise self.error(403, "AccessDenied", "not that zone")
        if method == "GET":
            return self.list_sets(store, query)
        return self.change(store, body)

    @staticmethod
    def zone(z):
        private = "true" if z[2] else "false"
        config = f"<Config><Comment/><PrivateZone>{private}</PrivateZone></Config>"
        return f"<HostedZone><Id>/hostedzone/{z[0]}</Id><Name>{shown(z[1])}</Name><CallerReference>x</CallerReference>{config}</HostedZone>"

    def list_zones(self, query):
        start = (labels(query["dnsname"]), query.get("hostedzoneid", ""))
        size = min(int(query["maxitems"]), 100)
        found = [z for z in self.zones if (labels(z[1]), z[0]) >= start]
        text = "<HostedZones>" + "".join(self.zone(z) for z in found[:size]) + "</HostedZones>"
        text += f"<IsTruncated>{'true' if len(found) > size else 'false'}</IsTruncated>"
        if len(found) > size:
            text += f"<NextDNSName>{shown(found[size][1])}</NextDNSName><NextHostedZoneId>{found[size][0]}</NextHostedZoneId>"
        return self.good("ListHostedZonesByNameResponse", text + f"<MaxItems>{size}</MaxItems>")

    @staticmethod
    def sets(store):
        """(name, type): (ttl, values)"""
        sets = {(ZONE, "A"): (60, ["192.0.2.1"]), (ZONE, "NS"): (60, [f"ns1.{ZONE}."])}
        for _, name, value, ttl in store.records:
            sets.setdefault((name, "TXT"), (ttl, []))[1].append(f'"{value}"')
        return sets

    def list_sets(self, store, query):
        start = (labels(query["name"]), query["type"])
        found = sorted((labels(n), t, n, *s) for (n, t), s in self.sets(store).items() if (labels(n), t) >= start)
        size = min(int(query["maxitems"]), 300)
        text = ""
        for _, kind, name, ttl, values in found[:size]:
            more = "<SetIdentifier>a</SetIdentifier><Weight>1</Weight>" if self.rule("weighted") is not None else ""
            records = "".join(f"<ResourceRecord><Value>{escape(v)}</Value></ResourceRecord>" for v in values)
            text += f"<ResourceRecordSet><Name>{shown(name)}</Name><Type>{kind}</Type>{more}<TTL>{ttl}</TTL>"
            text += f"<ResourceRecords>{records}</ResourceRecords></ResourceRecordSet>"
        truncated = "true" if len(found) > size else "false"
        text = f"<ResourceRecordSets>{text}</ResourceRecordSets><IsTruncated>{truncated}</IsTruncated>"
        return self.good("ListResourceRecordSetsResponse", text + f"<MaxItems>{size}</MaxItems>")

    def change(self, store, body):
        space = {"r": NAMESPACE}
        if body is None or body.tag != "{%s}ChangeResourceRecordSetsRequest" % NAMESPACE:
            raise self.error(400, "MalformedInput", "expected ChangeResourceRecordSetsRequest")
        between = self.rule("between")  # between NAME: somebody else writes just before
        if between and not BETWEEN[0]:
            BETWEEN[0] = True
            store.put(between[0], store.values(between[0]) + ["theirs"], 300)
        sets, wrong, touched = self.sets(store), [], set()
        for c in body.findall("r:ChangeBatch/r:Changes/r:Change", space):
            action, s = c.findtext("r:Action", None, space), c.find("r:ResourceRecordSet", space)
            name, kind = s.findtext("r:Name", None, space).rstrip("."), s.findtext("r:Type", None, space)
            ttl = int(s.findtext("r:TTL", None, space))
            values = [v.text for v in s.findall("r:ResourceRecords/r:ResourceRecord/r:Value", space)]
            here, there = f"resource record set [name='{name}.', type='{kind}']", sets.get((name, kind))
            if action == "CREATE" and there:
                wrong.append(f"Tried to create {here} but it already exists")
            elif action == "DELETE" and not there:
                wrong.append(f"Tried to delete {here} but it was not found")
            elif action == "DELETE" and (there[0], sorted(there[1])) != (ttl, sorted(values)):
                wrong.append(f"Tried to delete {here} but the values provided do not match the current values")
            elif not values or len(set(values)) != len(values) or not name.endswith(ZONE) or kind != "TXT":
                wrong.append(f"Invalid Resource Record: {here}")
            sets.pop((name, kind), None)
            if action in ("CREATE", "UPSERT"):
                sets[(name, kind)] = (ttl, values)
            touched.add(name)
        if wrong:
            raise self.error(400, "InvalidChangeBatch", "[" + ", ".join(wrong) + "]")
        for name in touched:
            ttl, values = sets.get((name, "TXT"), (0, []))
            store.put(name, [quoted(v) for v in values], ttl)
        number = f"C{len(self.changes) + 1}"
        self.changes[number] = 0
        return self.good("ChangeResourceRecordSetsResponse", self.info(number, "PENDING"))

    @staticmethod
    def info(number, status):
        return f"<ChangeInfo><Id>/change/{number}</Id><Status>{status}</Status><SubmittedAt>2026-11-22T03:00:00Z</SubmittedAt></ChangeInfo>"

    def get_change(self, number):
        self.changes[number] += 1
        done = self.changes[number] > 1 and self.rule("pending") is None
        return self.good("GetChangeResponse", self.info(number, "INSYNC" if done else "PENDING"))


class Metadata(http.server.BaseHTTPRequestHandler):
    """docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html"""

    tokens = set()

    def log_message(self, *_):
        pass

    def reply(self, status, body=""):
        with open(sys.argv[1] + "/log", "a", encoding="utf-8") as log:
            print("metadata", self.command, self.path, status, file=log)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        life = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.path != "/latest/api/token" or not re.fullmatch("[0-9]{1,5}", life):
            return self.reply(400)
        if self.server.service.rule("off") is not None:
            return self.reply(403)
        self.tokens.add("AQAEA%d==" % len(self.tokens))
        return self.reply(200, max(self.tokens))

    def do_GET(self):
        base = "/latest/meta-data/iam/security-credentials/"
        if self.headers.get("X-aws-ec2-metadata-token") not in self.tokens:
            return self.reply(401)
        if self.server.service.rule("norole") is not None or not self.path.startswith(base):
            return self.reply(404)
        if self.path == base:
            return self.reply(200, "pgcert-role\n")
        if self.path != base + "pgcert-role":
            return self.reply(404)
        left = 60 if self.server.service.rule("short") is not None else 6 * 3600
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + left))
        secret, token, _ = KEYS[ROLE]
        keys = {"Code": "Success", "LastUpdated": "2026-11-22T03:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": ROLE}
        return self.reply(200, json.dumps(dict(keys, SecretAccessKey=secret, Token=token, Expiration=ends)))
