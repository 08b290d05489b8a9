"""What stands for namecheap."""
import sys
import urllib.parse
from xml.sax.saxutils import quoteattr

from service import absolute, Answer, relative, ZONE

NAMESPACE = "http://api.namecheap.com/xml.response"
FIELDS = ("HostName", "RecordType", "Address", "MXPref", "TTL")
# what others have in the domain: each change must send it back as it is
OTHERS = [
    ("@", "A", "192.0.2.1", "10", "1799"),
    ("www", "CNAME", f"{ZONE}.", "10", "1800"),
    ("@", "MX", f"mail.{ZONE}.", "5", "1800"),
    ("@", "MX", f"mail2.{ZONE}.", "20", "1800"),
    ("@", "CAA", '0 issue "ca.test"', "10", "3600"),
    ("old", "URL301", "https://elsewhere.test/?a=1&b=%20c+d", "10", "60000"),
    ("@", "TXT", "v=spf1 include:_spf.elsewhere.test +a ~all", "10", "1799"),
    ("@", "TXT", 'quoted "text" <&> \u00e4', "10", "1799"),
]


class Service:
    """www.namecheap.com/support/api"""

    says_when = False

    def __init__(self):
        self.others = list(OTHERS)
        self.email = "MX"
        self.domains = [f"domain{n}.test" for n in range(130)] + [ZONE, "example.co.uk"]

    def fill(self, store):
        for value, ttl in ("one", 77), ("two", 99):
            store.records.append([value, f"_acme-challenge.kept.{ZONE}", value, ttl])

    # ---- answers

    @staticmethod
    def answer(status, text, http=200):
        head = f'<?xml version="1.0" encoding="utf-8"?>\n<ApiResponse Status="{status}" xmlns="{NAMESPACE}">'
        tail = "<Server>PHX01</Server><GMTTimeDifference>--5:00</GMTTimeDifference><ExecutionTime>0.01</ExecutionTime>"
        return Answer(http, f"{head}\n{text}\n{tail}</ApiResponse>")

    def error(self, number, message):
        return self.answer("ERROR", f'<Errors><Error Number="{number}">{message}</Error></Errors><Warnings />')

    def good(self, command, text):
        head = f"<Errors /><Warnings /><RequestedCommand>{command.lower()}</RequestedCommand>"
        return self.answer("OK", f'{head}<CommandResponse Type="{command}">{text}</CommandResponse>')

    def busy(self):
        return Answer(405, "<html>Method Not Allowed</html>")

    def failed(self):
        return self.error(5050900, "internal error")

    def empty(self, _):
        return self.answer("OK", "<Errors />")

    def unauthorized(self):
        return self.error(1011102, "API Key is invalid or API access has not been enabled")

    def rule(self, name):
        return next((rule[1:] for rule in self.rules() if rule[0] == name), None)

    # ---- who asks

    def is_known(self, request):
        p = dict(urllib.parse.parse_qsl(request.body.decode()))
        form = request.headers.get("Content-Type") == "application/x-www-form-urlencoded"
        if request.method != "POST" or not form or "?" in request.path:
            raise self.error(1010104, "Parameter Command is missing")
        if p.get("ClientIp") != "192.0.2.77":
            raise self.error(1011150, "Invalid request IP: 192.0.2.76")
        if p.get("UserName") != "owner":
            raise self.error(1019103, "Parameter UserName is not available")
        return p.get("ApiUser") == "pgcert" and p.get("ApiKey") == "token-of-namecheap"

    def is_change(self, request):
        return b"dns.setHosts" in request.body

    def read(self, text):
        pairs = urllib.parse.parse_qsl(text.decode(), keep_blank_values=True, strict_parsing=True)
        if len(dict(pairs)) != len(pairs):
            raise self.error(2010000, "a parameter came twice")
        return dict(pairs)

    # ---- what is asked

    def ask(self, store, method, path, query, p):
        with open(sys.argv[1] + "/log", "a", encoding="utf-8") as log:
            print("command", p["Command"], file=log)
        if self.rule("error"):  # error NUMBER WORD...
            raise self.error(self.rule("error")[0], " ".join(self.rule("error")[1:]))
        if p["Command"] == "namecheap.domains.getList":
            return self.list_domains(p)
        domain = p["SLD"] + "." + p["TLD"]
        if "." in p["SLD"] or domain not in self.domains:
            raise self.error(2019166, f"Domain name not found: {domain}")
        if domain != ZONE:
            raise self.error(2030288, "Cannot complete this command as this domain is not using proper DNS servers")
        if p["Command"] == "namecheap.domains.dns.getHosts":
            return self.get_hosts(store, p)
        if p["Command"] == "namecheap.domains.dns.setHosts":
            return self.set_hosts(store, p)
        raise self.error(1010104, "Parameter Command is missing")

    def list_domains(self, p):
        size, page = int(p.get("PageSize", 20)), int(p.get("Page", 1))
        if not 10 <= size <= 100:
            raise self.error(2010000, "Parameter PageSize is invalid")
        some = self.domains[(page - 1) * size : page * size]
        text = "".join(f'<Domain ID="1" Name="{d}" User="owner" IsExpired="false" IsOurDNS="true" />' for d in some)
        paging = f"<TotalItems>{len(self.domains)}</TotalItems><CurrentPage>{page}</CurrentPage><PageSize>{size}</PageSize>"
        return self.good(p["Command"], f"<DomainGetListResult>{text}</DomainGetListResult><Paging>{paging}</Paging>")

    def hosts(self, store):
        return self.others + [(relative(r[1]), "TXT", r[2], "10", str(r[3])) for r in store.records]

    def get_hosts(self, store, p):
        text = ""
        for n, (name, kind, address, pref, ttl) in enumerate(self.hosts(store)):
            more = 'AssociatedAppTitle="" FriendlyName="" IsActive="true" IsDDNSEnabled="false"'
            if self.rule("inactive") is not None and kind == "CNAME":
                more = more.replace("true", "false")
            pref = "" if self.rule("nopref") is not None else f'MXPref="{pref}"'
            text += f'<host HostId="{n}" Name="{name}" Type="{kind}" Address={quoteattr(address)} {pref} TTL="{ttl}" {more} />'
        text += "<forward to='x' />" if self.rule("unknown") is not None else ""
        ours = "false" if self.rule("elsewhere") is not None else "true"
        email = "" if self.rule("nomail") is not None else f'EmailType="{self.email}"'
        result = f'<DomainDNSGetHostsResult Domain="{ZONE}" {email} IsUsingOurDNS="{ours}">{text}</DomainDNSGetHostsResult>'
        return self.good(p["Command"], result)

    def set_hosts(self, store, p):
        sent = []
        while f"HostName{len(sent) + 1}" in p:
            sent.append(tuple(p[f + str(len(sent) + 1)] for f in FIELDS))
        if not all(60 <= int(h[4]) <= 60000 for h in sent) or len(p) != 8 + 5 * len(sent):
            raise self.error(2010000, "a parameter is invalid")
        if self.rule("drops") is not None:  # the service loses one
            sent = [h for h in sent if h[1] != "CNAME"]
        if self.rule("remails") is not None:
            p["EmailType"] = "FWD"
        before = {}
        after = {}
        for name, value, ttl in [(r[1], r[2], r[3]) for r in store.records]:
            before.setdefault(name, []).append((value, ttl))
        known = {absolute(h[0]) for h in OTHERS}
        for name, kind, address, _, ttl in sent:
            if kind == "TXT" and absolute(name) not in known:
                after.setdefault(absolute(name), []).append((address, int(ttl)))
        self.others = [h for h in sent if h[1] != "TXT" or absolute(h[0]) in known]
        self.email = p["EmailType"]
        if self.rules() == [] and (self.others != OTHERS or self.email != "MX"):
            print("namecheap: others' records were changed", self.others, self.email, file=sys.stderr, flush=True)
        for name in before.keys() | after.keys():
            if sorted(before.get(name, [])) != sorted(after.get(name, [])):
                found = dict(after.get(name, []))
                store.put(name, list(found), 0)
                for r in store.records:
                    r[3] = found[r[2]] if r[1] == name else r[3]
            for value, ttl in before.get(name, []):
                if (value, ttl) not in after.get(name, [(value, ttl)]) and value in dict(after[name]):
                    print("namecheap: another's lifetime was changed", name, value, file=sys.stderr, flush=True)
        result = f'<DomainDNSSetHostsResult Domain="{ZONE}" IsSuccess="true"><Warnings /></DomainDNSSetHostsResult>'
        return self.good(p["Command"], result)
