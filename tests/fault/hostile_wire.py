"""hostile_wire.py: what an ACME server can do wrong below JSON: connections, headers, lengths.

A part of hostile.py's Handler; the deeds are listed there. TEXT is written with Python's escapes.
"""

import re
import time


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1", "replace")


class Wire:
    # ---- before there is a request ----

    def on_connection(self, deed, raw):
        """Spoils a connection that is accepted and has no TLS yet. True: it goes on as it should."""
        if deed is None:
            return True
        if deed[0] == "noise":
            raw.sendall(b"\x00\xff" * 4096)
        elif deed[0] == "plain":
            raw.recv(65536)
            raw.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        elif deed[0] == "half":  # a ServerHello's record header, and no ServerHello
            raw.recv(65536)
            raw.sendall(b"\x16\x03\x03\x40\x00\x02\x00")
        elif deed[0] == "alert":
            raw.recv(65536)
            raw.sendall(b"\x15\x03\x03\x00\x02\x02\x50")  # fatal, internal_error
        elif deed[0] == "records":  # each one is good, and there is no end
            raw.recv(65536)
            while True:
                raw.sendall(b"\x16\x03\x03\x00\x04\x02\xff\xff\xff" * 100)
        elif deed[0] == "silence":
            time.sleep(600)
        elif deed[0] != "close":
            raise ValueError(deed)
        return False

    def write(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def head(self, answer, size=None):
        lines = [f"HTTP/1.1 {answer.status} As Told"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if size is not None:
            lines.append(f"Content-Length: {size}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    # ---- the end comes too early ----

    def deed_cut(self, body, phase):
        self.close_connection = True
        if phase == "request":
            return
        answer = self.pebble(body=body)
        head = self.head(answer, len(answer.body))
        if phase == "status":
            self.write(head[:head.index(b"\r\n")])
        elif phase == "headers":
            self.write(head[:len(head) - 10])
        elif phase == "body":
            self.write(head)
        elif phase != "answer":  # Pebble has done what was asked, and nobody hears of it
            raise ValueError(phase)

    def deed_length(self, body, more):
        answer = self.pebble(body=body)
        self.write(self.head(answer, max(len(answer.body) + int(more), 0)) + answer.body)
        self.close_connection = True

    # ---- it does not come at all ----

    def drip(self, data):
        for one in data:
            self.write(bytes([one]))
            time.sleep(1)

    def deed_drip_headers(self, body):
        answer = self.pebble(body=body)
        self.drip(self.head(answer, len(answer.body)))

    def deed_drip_body(self, body):
        answer = self.pebble(body=body)
        self.write(self.head(answer, len(answer.body)))
        self.drip(answer.body)

    def deed_endless_headers(self, _body):
        self.write(b"HTTP/1.1 200 As Told\r\n")
        while True:
            self.write(b"X-More: and more\r\n" * 100)

    def deed_endless_line(self, _body):
        self.write(b"HTTP/1.1 200 As Told\r\nX-More: ")
        while True:
            self.write(b"x" * 65536)

    def deed_endless_interim(self, _body, status):
        while True:
            self.write(f"HTTP/1.1 {status} Wait\r\n\r\n".encode() * 100)

    def deed_endless_chunks(self, _body):
        self.write(b"HTTP/1.1 200 As Told\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            self.write(b"1\r\n{\r\n" * 1000)

    # ---- other bytes than are meant ----

    def deed_interim(self, body, status, line):
        """An interim answer with one header line, then the true answer."""
        answer = self.pebble(body=body)
        interim = f"HTTP/1.1 {status} Wait\r\n".encode() + unescape(line) + b"\r\n\r\n"
        self.write(interim + self.head(answer, len(answer.body)))
        if self.command != "HEAD":
            self.write(answer.body)

    def deed_chunks(self, body, text):
        answer = self.pebble(body=body)
        answer.set("Transfer-Encoding", "chunked")
        self.write(self.head(answer) + unescape(text))
        self.close_connection = True

    def deed_raw(self, _body, text):
        self.write(unescape(text))
        self.close_connection = True

    def deed_body(self, body, text, times="1"):
        answer = self.pebble(body=body)
        answer.body = unescape(text) * int(times)
        self.send(answer)

    def deed_many(self, body, text, times):
        answer = self.pebble(body=body)
        answer.body = ('{"a":[' + ",".join([text] * int(times)) + "]}").encode()
        self.send(answer)

    def deed_encoded(self, body, encoding):
        answer = self.pebble(body=body)
        answer.set("Content-Encoding", encoding)
        self.send(answer)

    # ---- one header ----

    def deed_header(self, body, name, value=None, times="1"):
        answer = self.pebble(body=body)
        answer.set(name, None)
        if value is not None:
            answer.set(name, unescape(value * int(times)).decode("latin-1"))
        self.send(answer)

    def deed_headers(self, body, name, value, count):
        """Many of them; "#" in the value is the number of each."""
        answer = self.pebble(body=body)
        answer.set(name, None)
        host = f"https://{self.headers['Host']}{self.path}"
        for number in range(int(count)):
            text = re.sub("@", host, value.replace("#", str(number)))
            answer.headers.append((name, text))
        self.send(answer)
