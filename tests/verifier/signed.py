"""What is signed, and whose key signed it: COSE_Sign1, the plan, the sheets (docs/formats.md, 1 to 3 and 7)."""
import base64, datetime, hashlib
import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

INF = float("inf")
# The y coordinates of the points of small order: one signature of such a key fits many messages.
SMALL_ORDER = {0, 1, 2**255 - 20, *(int.from_bytes(bytes.fromhex(y), "little") for y in (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))}

def need(condition, what):
    if not condition:
        raise ValueError(what)

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def decode(data):
    value = cbor2.loads(data)
    need(cbor2.dumps(value, canonical=True) == data, "CBOR that is not deterministic")
    return value

def parts(signed, kind):
    need(signed[:1] == b"\xd2", f"{kind}: no COSE_Sign1")
    protected, unprotected, payload, signature = decode(signed).value
    header = decode(protected)
    need(list(header) == [1, 3, 4] and header[1] == -8, f"{kind}: protected header")
    need(header[3] == f"application/yichuan-{kind}+cbor", f"another object than {kind}")
    need(list(unprotected) == ["attachment"] * (kind in ("officer-act", "phone-call")), f"{kind}: unprotected header")
    return header[4], protected, unprotected, payload, signature

def open_with(signed, kind, public):
    key, protected, _, payload, signature = parts(signed, kind)
    need(key == sha(public)[:16], f"{kind}: another key")
    y = int.from_bytes(public, "little") % 2**255 % (2**255 - 19)
    need(y not in SMALL_ORDER, f"{kind}: a key of small order")
    Ed25519PublicKey.from_public_bytes(public).verify(signature, cbor2.dumps(["Signature1", protected, b"", payload]))
    return decode(payload)

class Plan:
    def __init__(self, signed, anchor):
        vars(self).update(open_with(signed, "plan", anchor.public_key().public_bytes_raw()))
        self.rooms = {room["id"]: room for room in self.rooms}
        (self.root,) = [id for id, room in self.rooms.items() if "parent" not in room]
        names = anchor.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
        need([name.value for name in names] == [f"{self.network}.internal"], "plan of another network")
    def above(self, room):
        while room in self.rooms:
            yield room
            room = self.rooms[room].get("parent")
    def ways(self, room):
        seen, new = set(), [room]
        while new:
            room = new.pop()
            if room in self.rooms and room not in seen:
                seen.add(room)
                new += [self.rooms[room].get("parent")] + self.rooms[room].get("alternates", [])
        return seen
    def domain(self, room):
        label = lambda id: base64.b32encode(id).decode().rstrip("=").lower()
        return ".".join([label(id) for id in self.above(room)] + [self.network, "internal"])

class Keys:
    """The signing keys of all rooms, with validity and revocation, from the sheets."""
    def __init__(self, plan, anchor):
        self.plan, self.anchor, self.keys, self.stolen, self.lists, self.used = plan, anchor, {}, {}, set(), []
    def add_sheet(self, signed):
        sheet, plan = decode(parts(signed, "sheet")[3]), self.plan
        chain = [x509.load_der_x509_certificate(der) for der in sheet["chain"]]
        hub = sheet["publisher"]["hub"] if sheet["publisher"] != "authority" else None
        domains = [plan.domain(id) for id in plan.above(hub)]
        domains.insert(0, "sheets." + (domains or [f"{plan.network}.internal"])[0])
        need(len(chain) == len(domains) and sheet["network"] == plan.network, "sheet: another chain")
        at = datetime.datetime.fromtimestamp(sheet["issued_at_ms"] / 1000, datetime.timezone.utc)
        for certificate, issuer, domain in zip(chain, chain[1:] + [self.anchor], domains):
            certificate.verify_directly_issued_by(issuer)
            need(certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc,
                 "sheet: certificate not valid")
            need((issuer.subject, certificate.serial_number) not in self.lists, "sheet: certificate revoked")
            extension = lambda wanted: certificate.extensions.get_extension_for_class(wanted).value
            if certificate is chain[0]:
                names = extension(x509.SubjectAlternativeName).get_values_for_type(x509.DNSName)
                usage = [oid.dotted_string for oid in extension(x509.ExtendedKeyUsage)]
                need(usage == ["1.3.6.1.5.5.7.3.36"], "sheet: usage of the certificate")
            else:
                names = [name.value for name in extension(x509.NameConstraints).permitted_subtrees]
                need(extension(x509.BasicConstraints).ca, "sheet: an issuer that is none")
            need(names == [domain], "sheet: name of a certificate")
        public, crl = chain[0].public_key(), x509.load_der_x509_crl(sheet["crl"])
        open_with(signed, "sheet", public.public_bytes_raw())
        need(crl.is_signature_valid(public) and crl.issuer == chain[0].issuer, "sheet: revocation list")
        self.lists |= {(crl.issuer, revoked.serial_number) for revoked in crl}
        for entry in sheet["entries"]:
            need(plan.rooms[entry["room"]].get("parent") == hub, "sheet: a room of another hub")
            signing = [key for key in entry["keys"] if key["purpose"] == "signing"]
            self.keys |= {sha(key["public"])[:16]: (entry["room"], key) for key in signing}
        for revoked in sheet["revocations"]:
            self.stolen[revoked["revoked"].get("key")] = revoked.get("compromised_since_ms", revoked["at_ms"])
    def verify(self, signed, kind):
        id = parts(signed, kind)[0]
        need(id in self.keys, f"{kind}: unknown key")
        room, key = self.keys[id]
        self.used.append(id)
        return room, open_with(signed, kind, key["public"])
    def officer(self, signed, kind):
        room, certificate = self.verify(parts(signed, kind)[2]["attachment"], "officer-certificate")
        need(certificate["room"] == room, "officer's certificate of another room")
        return room, open_with(signed, kind, certificate["public"])
    def take(self):
        used, self.used = self.used, []
        return used
    def check(self, earliest, latest, used=None, embedded=False):
        """The first key signed the object itself and was in use at some time between; no key was stolen before."""
        used = self.take() if used is None else used
        need(all(id not in self.stolen or latest < self.stolen[id] for id in used), "a key that was compromised")
        for _, key in [self.keys[id] for id in used[:1] if not embedded]:
            need(key["from_ms"] <= latest and earliest < key.get("to_ms", INF), "a key out of its time")
