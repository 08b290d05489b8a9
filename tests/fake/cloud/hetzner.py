"""What stands for hetzner."""
import re
import time
from service import absolute, Answer, page_of, quoted, relative, ZONE

ZONE_ID = 590000000000042
POLLS = 3  # how many requests an action outlasts


class Service:
    """docs.hetzner.cloud/reference/cloud"""

    header = "Authorization", "Bearer "
    started = 0
    running = []  # [id, requests left, command, what it does]

    @staticmethod
    def error(status, code, message, details=None):
        return Answer(status, {"error": {"code": code, "message": message, "details": details}})

    def unauthorized(self):
        return self.error(401, "unauthorized", "unable to authenticate")

    def busy(self):
        answer = self.error(429, "rate_limit_exceeded", "rate limit exceeded")
        # when all of it is there again, not when to come back
        answer.headers = {"RateLimit-Limit": "3600", "RateLimit-Remaining": "0"}
        answer.headers["RateLimit-Reset"] = str(int(time.time()) + 3600)
        return answer

    def gone(self):
        for action in list(self.running):
            self.finish(action)
        return self.error(404, "not_found", "record not found")

    @staticmethod
    def is_change(request):
        return request.method == "POST"

    @staticmethod
    def is_deletion(request):
        return request.inner.endswith("/remove_records")

    def spoil(self, rule, path):
        if rule != "action_fails" or not path.endswith("_records"):
            return None
        answer = self.action(7, "add_rrset_records", "error")
        answer.body["action"]["error"] = {"code": "action_failed", "message": "Action failed"}
        return answer

    # ---- actions ----

    def finish(self, action):
        self.running.remove(action)
        action[3]()

    def tick(self):
        for action in list(self.running):
            action[1] -= 1
            if action[1] <= 0:
                self.finish(action)

    def action(self, number, command, status):
        found = {"id": number, "command": command, "status": status, "progress": 100 if status == "success" else 50}
        found.update(started="2026-01-30T23:55:00Z", finished=None, error=None)
        found["resources"] = [{"id": ZONE_ID, "type": "zone"}]
        return Answer(200 if status != "running" else 201, {"action": found})

    def start(self, command, what):
        self.started += 1
        self.running.append([self.started, POLLS, command, what])
        return self.action(self.started, command, "running")

    # ---- sets ----

    @staticmethod
    def rrset(store, name):
        ttl = store.ttl(name)
        records = [{"value": f'"{v}"', "comment": ""} for v in store.values(name)]
        found = {"id": relative(name) + "/TXT", "name": relative(name), "type": "TXT", "zone": ZONE_ID}
        return dict(found, ttl=ttl if ttl != 4000 else None, labels={}, protection={"change": False}, records=records)

    def list(self, store, query):
        if query.get("type") != "TXT" or int(query.get("per_page", 25)) > 100:
            return self.error(400, "invalid_input", "invalid input in field 'type' or 'per_page'")
        names = sorted({r[1] for r in store.records})
        names = [n for n in names if query.get("name", relative(n)) == relative(n)]
        names, page, size, pages = page_of(names, dict({"per_page": 25}, **query), 100)
        info = {"page": page, "per_page": size, "last_page": pages, "total_entries": len(names)}
        info.update(previous_page=page - 1 or None, next_page=page + 1 if page < pages else None)
        sets = [self.rrset(store, n) for n in names]
        return Answer(200, {"rrsets": sets, "meta": {"pagination": info}})

    def add(self, store, name, values, ttl):
        there = store.values(name)
        if ttl is not None and ttl < 60:
            return self.error(422, "invalid_input", "invalid input in field 'ttl'")
        if there and ttl is not None and ttl != store.ttl(name):
            return self.error(422, "invalid_input", "invalid input in field 'ttl': must be that of the RRSet")
        if len(set(values)) != len(values) or set(values) & set(there):
            return self.error(409, "uniqueness_error", "record already exists")
        lasts = store.ttl(name) if there else ttl or 3600
        return self.start("add_rrset_records", lambda: [store.add(name, v, lasts) for v in values])

    def remove(self, store, name, values):
        numbers = [r[0] for r in store.records if r[1] == name and r[2] in values]
        if len(numbers) != len(values):
            return self.error(404, "not_found", "record not found")
        return self.start("remove_rrset_records", lambda: [store.drop(n) for n in numbers])

    def ask(self, store, method, path, query, body):
        self.tick()
        if path in (f"/zones/{ZONE}", f"/zones/{ZONE_ID}") and method == "GET":
            return Answer(200, {"zone": {"id": ZONE_ID, "name": ZONE, "ttl": 3600, "mode": "primary"}})
        if path == f"/zones/{ZONE_ID}/rrsets" and method == "GET":
            return self.list(store, query)
        one = re.fullmatch(r"/actions/(\d+)", path)
        if one and method == "GET":
            waits = [a for a in self.running if a[0] == int(one[1])]
            answer = self.action(int(one[1]), "add_rrset_records", "running" if waits else "success")
            answer.status = 200
            return answer
        one = re.fullmatch(f"/zones/{ZONE_ID}/rrsets/([^/]+)/TXT/actions/(add|remove)_records", path)
        if not one or method != "POST":
            return self.error(404, "not_found", "zone not found")
        if self.running:
            return self.error(423, "locked", "another action is running")
        values = [quoted(r["value"]) for r in body["records"]]
        if not 1 <= len(values) <= 50:
            return self.error(422, "invalid_input", "invalid input in field 'records'")
        if one[2] == "add":
            return self.add(store, absolute(one[1]), values, body.get("ttl"))
        return self.remove(store, absolute(one[1]), values)
