"""What the services of clouds.py share: their store, and answers."""
import subprocess
import sys
import time

DIRECTORY, ZONE, KEY = sys.argv[1:4]
ORIGIN = "https://localhost:14443"
FILLER = 230  # records of others in the zone: more than a page of any service


class Answer(Exception):
    """Ends a request with that."""

    def __init__(self, status, body=None, headers=()):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers)


class Store:
    """The TXT records that one service has: [id, name, value, ttl], values without quotes."""

    def __init__(self):
        self.records = [[str(n), f"filler{n}.{ZONE}", "of others", 3600] for n in range(1, FILLER)]
        self.next = 1000

    def values(self, name):
        return [r[2] for r in self.records if r[1] == name]

    def add(self, name, value, ttl):
        self.next += 1
        self.records.append([str(self.next), name, value, ttl])
        publish(name, self.values(name))
        return self.records[-1]

    def drop(self, number):
        found = [r for r in self.records if r[0] == number]
        self.records = [r for r in self.records if r[0] != number]
        for r in found:
            publish(r[1], self.values(r[1]))
        return bool(found)

    def put(self, name, values, ttl):
        self.records = [r for r in self.records if r[1] != name]
        for value in values:
            self.next += 1
            self.records.append([str(self.next), name, value, ttl])
        publish(name, values)

    def ttl(self, name):
        return next(r[3] for r in self.records if r[1] == name)


class Tokens:
    """Access tokens of OAuth 2.0, each of which ends."""

    def __init__(self, name):
        self.name = name
        self.ends = {}
        self.life = 3600  # seconds

    def give(self):
        token = f"access-token-{len(self.ends)}-of-{self.name}"
        self.ends[token] = time.monotonic() + self.life
        return Answer(200, {"token_type": "Bearer", "expires_in": self.life, "access_token": token})

    def is_good(self, headers):
        kind, _, token = headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and time.monotonic() < self.ends.get(token, 0)


def publish(name, values):
    lines = ["server 127.0.0.1", f"update delete {name}. TXT"]
    lines += [f'update add {name}. 60 TXT "{v}"' for v in values] + ["send", ""]
    subprocess.run(["nsupdate", "-k", KEY], input="\n".join(lines), text=True, check=True)


def absolute(relative):
    return ZONE if relative in ("", "@") else f"{relative}.{ZONE}"


def relative(name):
    return "@" if name == ZONE else name[: -len(ZONE) - 1]


def bare(value):
    return value[1:-1] if value[:1] == '"' and value[-1:] == '"' else value


def quoted(value):
    if not (len(value) >= 2 and value[0] == '"' and value[-1] == '"'):
        raise Answer(400, {"detail": "a TXT value must be in quotation marks"})
    return value[1:-1]


def page_of(items, query, most):
    size = min(int(query.get("per_page", 20)), most)
    page = int(query.get("page", 1))
    pages = max(1, -(-len(items) // size))
    return items[(page - 1) * size : page * size], page, size, pages
