"""The third one: connects to PostgreSQL again and again, verifies as a careful client does, and notes
which certificate it was shown; then judges that by the times of the rotations.

usage: observer.py watch HOST PORT ROOT STOPFILE >SEEN      judge SEEN ROTATIONS

ROTATIONS has a line for each: when it began, when it had ended, SHA-256 before, SHA-256 after.
"""
import hashlib
import os
import socket
import ssl
import sys
import time

SSL_REQUEST = bytes([0, 0, 0, 8, 4, 0xD2, 0x16, 0x2F])


def look(context, host, port):
    """The SHA-256 of the certificate; raises what went wrong."""
    with socket.create_connection((host, port), 5) as raw:
        raw.sendall(SSL_REQUEST)
        if raw.recv(1) != b"S":
            raise OSError("no TLS")
        with context.wrap_socket(raw, server_hostname=host) as tls:
            return hashlib.sha256(tls.getpeercert(True)).hexdigest()


def watch(host, port, root, stop):
    context = ssl.create_default_context(cafile=root)
    while not os.path.exists(stop):
        began = time.time()
        try:
            seen = look(context, host, int(port))
        except (OSError, ssl.SSLError) as why:
            seen = "failed:" + str(why).replace(" ", "_")
        print(began, time.time(), seen, flush=True)
        time.sleep(0.01)


def right(began, ended, rotations):
    """What may be shown to who connects from `began` to `ended`."""
    now = {rotations[0][2]}
    allowed = set()
    for start, end, before, after in rotations:
        if end < began:
            now = {after}
        elif start <= ended:
            allowed |= {before, after}
    return allowed or now


def judge(seen, rotations):
    with open(rotations, encoding="ascii") as file:
        rows = [line.split() for line in file]
    rows = [(float(a), float(b), before, after) for a, b, before, after in rows]
    wrong = count = 0
    shown = set()
    with open(seen, encoding="utf-8") as file:
        for line in file:
            began, ended, sha256 = line.split()
            count += 1
            shown.add(sha256)
            if sha256 not in right(float(began), float(ended), rows):
                wrong += 1
                print("wrong at", began, sha256)
    print(count, "connections,", len(shown), "certificates,", wrong, "wrong")
    return wrong == 0 and count > 0


if sys.argv[1] == "watch":
    watch(*sys.argv[2:])
else:
    sys.exit(0 if judge(*sys.argv[2:]) else 1)
