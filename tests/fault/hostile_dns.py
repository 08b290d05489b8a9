#!/usr/bin/env python3
"""A name server that misbehaves: it passes everything on to BIND on 127.0.0.1, and spoils answers.

usage: hostile_dns.py FILE        serves on 127.0.0.1:5300, UDP and TCP, until it is killed

FILE is read again for each message. Its word says what is done to the answer of a query or update;
with "-then-right", the true answer follows the false one.

right       nothing                       lost        every second datagram is lost
silent      nobody answers; TCP hangs up  truncated   by UDP only the question, with TC
wrong-id    another id                    garbage     noise, noise with the right id, half an answer
wrong-name  another question              wrong-mac   updates: a changed signature
unsigned    updates: NOERROR, without a signature
rcode-N     updates: that rcode, without a signature
"""

import os
import socket
import struct
import sys
import threading

BIND = ("127.0.0.1", 53)
PORT = 5300
HEADER = 12


def ask(query, by_tcp):
    if not by_tcp:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(3)
            s.sendto(query, BIND)
            return s.recv(65535)
    with socket.create_connection(BIND, 3) as s:
        s.sendall(struct.pack(">H", len(query)) + query)
        return read_message(s)


def read_message(s):
    size = struct.unpack(">H", read_all(s, 2))[0]
    return read_all(s, size)


def read_all(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise ConnectionError("hung up")
        data += more
    return data


def bare(query, rcode):
    return query[:2] + bytes([query[2] | 0x80, rcode]) + bytes(8)


def question_end(message):
    at = HEADER
    while message[at]:
        at += 1 + message[at]
    return at + 5


class Server:
    def __init__(self, path):
        self.path = path
        self.count = 0

    def false_answers(self, word, query, right, by_tcp):
        is_update = query[2] & 0x78 == 5 << 3
        if word == "silent":
            return []
        if word == "lost" and not by_tcp:
            self.count += 1
            return [] if self.count % 2 else [right]
        if word == "truncated" and not by_tcp:
            end = question_end(query)
            return [right[:2] + bytes([right[2] | 0x02, 0]) + query[4:6] + bytes(6) + query[HEADER:end]]
        if word == "wrong-id":
            return [bytes([right[0] ^ 1]) + right[1:]]
        if word == "garbage":
            half = right[: len(right) * 2 // 3]
            return [os.urandom(40), query[:2] + os.urandom(60), b"", half]
        if word == "wrong-name":
            return [right[:13] + bytes([right[13] ^ 1]) + right[14:]]
        if word == "wrong-mac" and is_update:
            return [right[:-20] + bytes([right[-20] ^ 1]) + right[-19:]]
        if word == "unsigned" and is_update:
            return [bare(query, 0)]
        if word.startswith("rcode-") and is_update:
            return [bare(query, int(word[6:]))]
        return [right]

    def answers(self, query, by_tcp):
        with open(self.path, encoding="ascii") as f:
            word = f.read().strip()
        right = ask(query, by_tcp)
        if word.endswith("-then-right"):
            return self.false_answers(word[:-11], query, right, by_tcp) + [right]
        return self.false_answers(word, query, right, by_tcp)


def serve_tcp(server, listener):
    while True:
        s, _ = listener.accept()
        with s:
            try:
                for answer in server.answers(read_message(s), True)[-1:]:
                    s.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                pass


def main():
    server = Server(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", PORT))
    threading.Thread(target=serve_tcp, args=(server, listener), daemon=True).start()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", PORT))
    while True:
        query, client = udp.recvfrom(65535)
        for answer in server.answers(query, False):
            udp.sendto(answer, client)


main()
