"""hostile_chain.py: certificates that are not what was ordered. A part of hostile.py's Handler."""

import base64
import os
import re
import subprocess

END = "-----END CERTIFICATE-----\n"


def openssl(*arguments, given=b"", days_off=0):
    """Runs openssl; its clock may be some days off."""
    clock = ["faketime", "-f", f"{days_off:+}d"] if days_off else []
    return subprocess.run([*clock, "openssl", *arguments], input=given, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()


def make_ca(where):
    if not os.path.exists(where + "/ca.pem"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "3650", "-subj", "/CN=hostile CA", "-addext", "keyUsage=critical,keyCertSign",
                "-keyout", where + "/ca.key", "-out", where + "/ca.pem", days_off=-400)


def sign(where, csr_der, names, own_key=False, usage="serverAuth", days_off=0):
    """A certificate of the hostile CA for 30 days: for the request's key, or for a new one."""
    csr, extensions, key = (f"{where}/{name}" for name in ("csr.pem", "extensions", "public.pem"))
    pem = base64.encodebytes(csr_der).decode()
    with open(csr, "w", encoding="utf-8") as f:
        f.write(f"-----BEGIN CERTIFICATE REQUEST-----\n{pem}-----END CERTIFICATE REQUEST-----\n")
    with open(extensions, "w", encoding="utf-8") as f:
        f.write(f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={usage}\n"
                "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        if names:
            f.write("subjectAltName=" + ",".join("DNS:" + name for name in names) + "\n")
    forced = []
    if own_key:
        secret = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        with open(key, "w", encoding="utf-8") as f:
            f.write(openssl("pkey", "-pubout", given=secret.encode()))
        forced = ["-force_pubkey", key]
    return openssl("x509", "-req", "-in", csr, "-CA", where + "/ca.pem", "-CAkey", where + "/ca.key",
                   "-days", "30", "-extfile", extensions, "-CAcreateserial", *forced, days_off=days_off)


def names_of(csr_der):
    text = openssl("req", "-inform", "DER", "-noout", "-text", given=csr_der)
    return re.findall(r"DNS:([^,\s]+)", text)


class Chain:
    csr = None  # of the last finalize, whoever sent it

    def certificate(self, body, names, own_key=False, **more):
        answer = self.pebble(body=body)
        answer.body = sign(self.server.where, Chain.csr, names, own_key, **more).encode()
        self.send(answer)

    def deed_other_key(self, body):
        self.certificate(body, names_of(Chain.csr), True)

    def deed_other_name(self, body, name):
        self.certificate(body, [] if name == "-" else [name])

    def deed_other_time(self, body, days_off):
        self.certificate(body, names_of(Chain.csr), days_off=int(days_off))

    def deed_other_usage(self, body, usage):
        self.certificate(body, names_of(Chain.csr), usage=usage)

    def deed_leaf_only(self, body):
        self.deed_chain(body, "0")

    def deed_chain(self, body, *order):
        answer = self.pebble(body=body)
        true = [one + END for one in answer.body.decode().split(END)[:-1]]
        with open(self.server.where + "/ca.pem", encoding="utf-8") as f:
            parts = {"ca": f.read(), "key": openssl("genpkey", "-algorithm", "ED25519"),
                     "text": "Dear administrator, here it is:\n", "space": "\n\n \n",
                     "html": "<html><body>-----</body></html>\n"}
        made = []
        for word in order:
            part, _, times = word.partition("*")
            one = true[int(part)] if part.isdigit() else parts[part]
            made.append(one * int(times or 1))
        answer.body = "".join(made).encode()
        self.send(answer)

    def deed_der(self, body):
        answer = self.pebble(body=body)
        answer.body = subprocess.run(["openssl", "x509", "-outform", "DER"], input=answer.body,
                                     check=True, stdout=subprocess.PIPE).stdout
        self.send(answer)
