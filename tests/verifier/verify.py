#!/usr/bin/env python3
"""Verifies an evidence file of yichuan against a trust anchor, written from docs/formats.md and docs/rules.md alone.

usage: verify.py FILE ANCHOR.pem    needs: pip install cbor2 cryptography
exit code: 0 valid and on time, 5 valid and late or undecidable, 6 invalid, 1 unreadable, 2 usage"""
import base64, datetime, hashlib, json, struct, sys, zlib
import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from verdicts import judge

BY_OFFICER = {"acknowledged", "opened", "disposed", "returned"}
BY_RECIPIENT = {"delivered", "alerted"} | BY_OFFICER
INF = float("inf")

def need(condition, what):
    if not condition:
        raise ValueError(what)

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def decode(data):
    value = cbor2.loads(data)
    need(cbor2.dumps(value, canonical=True) == data, "CBOR that is not deterministic")
    return value

def entries(data):
    """Stored, and every byte made again from names and data."""
    found, directory, at = [], b"", 0
    while data[at:at + 4] == b"PK\3\4":
        crc, size, _, length = struct.unpack("<IIIH", data[at + 14:at + 28])
        name, body = data[at + 30:at + 30 + length], data[at + 30 + length:at + 30 + length + size]
        numbers = struct.pack("<IIIH", zlib.crc32(body), len(body), len(body), len(name))
        local = b"PK\3\4\n\0\0\x08\0\0\0\0\x21\0" + numbers + b"\0\0" + name
        need(data[at:at + 30 + length] == local and (crc, size) == (zlib.crc32(body), len(body)), "container header")
        directory += b"PK\1\2\n\0\n\0\0\x08\0\0\0\0\x21\0" + numbers + bytes(12) + struct.pack("<I", at) + name
        found.append((name.decode(), body))
        at += 30 + length + size
    end = struct.pack("<HHIIH", len(found), len(found), len(directory), at, 0)
    need(data[at:] == directory + b"PK\5\6\0\0\0\0" + end, "container directory")
    need(len({name for name, _ in found}) == len(found), "a name twice")
    return found

def parts(signed, kind):
    need(signed[:1] == b"\xd2", f"{kind}: no COSE_Sign1")
    protected, unprotected, payload, signature = decode(signed).value
    header = decode(protected)
    need(list(header) == [1, 3, 4] and header[1] == -8, f"{kind}: protected header")
    need(header[3] == f"application/yichuan-{kind}+cbor", f"another object than {kind}")
    may_attach = kind in ("officer-act", "phone-call")
    need(list(unprotected) == (["attachment"] if may_attach else []), f"{kind}: unprotected header")
    return header[4], protected, unprotected, payload, signature

def open_with(signed, kind, public):
    key, protected, _, payload, signature = parts(signed, kind)
    need(key == sha(public)[:16], f"{kind}: another key")
    message = cbor2.dumps(["Signature1", protected, b"", payload])
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    return decode(payload)

class Map:
    """Plan, sheets, and the keys of the rooms with their validity."""
    def __init__(self, plan, root):
        self.root_certificate = root
        self.plan = open_with(plan, "plan", root.public_key().public_bytes_raw())
        self.network, self.rooms = self.plan["network"], {room["id"]: room for room in self.plan["rooms"]}
        (self.root,) = [id for id, room in self.rooms.items() if "parent" not in room]
        subtrees = root.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
        need([name.value for name in subtrees] == [f"{self.network}.internal"], "plan of another network")
        self.keys, self.revoked, self.used, self.lists = {}, {}, [], set()
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
                new += [up for up in [self.rooms[room].get("parent")] if up] + self.rooms[room].get("alternates", [])
        return seen
    def domain(self, room):
        label = lambda id: base64.b32encode(id).decode().rstrip("=").lower()
        return ".".join([label(id) for id in self.above(room)] + [self.network, "internal"])
    def add_sheet(self, signed):
        sheet = decode(parts(signed, "sheet")[3])
        chain = [x509.load_der_x509_certificate(der) for der in sheet["chain"]]
        at = datetime.datetime.fromtimestamp(sheet["issued_at_ms"] / 1000, datetime.timezone.utc)
        hub = sheet["publisher"]["hub"] if isinstance(sheet["publisher"], dict) else None
        hubs = list(self.above(hub)) if hub else []
        domains = [f"sheets.{self.domain(hub)}" if hub else f"sheets.{self.network}.internal"]
        domains += [self.domain(id) for id in hubs]
        need(len(chain) == len(domains) and sheet["network"] == self.network, "sheet: another chain")
        for index, (certificate, issuer) in enumerate(zip(chain, chain[1:] + [self.root_certificate])):
            certificate.verify_directly_issued_by(issuer)
            need(certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc, "sheet: certificate not valid")
            need((issuer.subject, certificate.serial_number) not in self.lists, "sheet: certificate revoked")
            extension = certificate.extensions.get_extension_for_class
            if index == 0:
                names = extension(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
                usages = [oid.dotted_string for oid in extension(x509.ExtendedKeyUsage).value]
                need(usages == ["1.3.6.1.5.5.7.3.36"], "sheet: usage of the certificate")
            else:
                names = [name.value for name in extension(x509.NameConstraints).value.permitted_subtrees]
                need(extension(x509.BasicConstraints).value.ca, "sheet: an issuer that is none")
            need(names == [domains[index]], "sheet: name of a certificate")
        public = chain[0].public_key()
        open_with(signed, "sheet", public.public_bytes_raw())
        crl = x509.load_der_x509_crl(sheet["crl"])
        need(crl.is_signature_valid(public) and crl.issuer == chain[0].issuer, "sheet: revocation list")
        self.lists |= {(crl.issuer, revoked.serial_number) for revoked in crl}
        for entry in sheet["entries"]:
            need(self.rooms[entry["room"]].get("parent") == hub, "sheet: a room of another hub")
            for key in entry["keys"]:
                if key["purpose"] == "signing":
                    self.keys[sha(key["public"])[:16]] = (entry["room"], key)
        for revocation in sheet["revocations"]:
            if "key" in revocation["revoked"]:
                self.revoked[revocation["revoked"]["key"]] = revocation.get("compromised_since_ms", revocation["at_ms"])
    def verify(self, signed, kind):
        id = parts(signed, kind)[0]
        need(id in self.keys, f"{kind}: unknown key")
        self.used.append(id)
        room, key = self.keys[id]
        return room, open_with(signed, kind, key["public"])
    def officer(self, signed, kind):
        room, certificate = self.verify(parts(signed, kind)[2]["attachment"], "officer-certificate")
        need(certificate["room"] == room, "officer's certificate of another room")
        return room, open_with(signed, kind, certificate["public"])
    def check_keys(self, earliest, latest):
        used, self.used = self.used, []
        for index, id in enumerate(used):
            key = self.keys[id][1]
            need(id not in self.revoked or (latest is not None and latest < self.revoked[id]), "a key that was compromised")
            if index == 0:
                need(latest is None or latest >= key["from_ms"], "a key before its time")
                need(earliest is None or earliest < key.get("to_ms", INF), "a key after its time")

def hashes(path):
    need(len(path) % 32 == 0, "a path that is cut")
    return [path[at:at + 32] for at in range(0, len(path), 32)]

def climb(node, last, path, values):
    """RFC 9162, 2.1.3.2 and 2.1.4.2: a sibling on the left changes every value, one on the right the newest only."""
    for sibling in path:
        need(last > 0, "a path that is too long")
        if node & 1 or node == last:
            values = [sha(b"\1", sibling, value) for value in values]
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            values[-1] = sha(b"\1", values[-1], sibling)
        node, last = node >> 1, last >> 1
    need(last == 0, "a path that is too short")
    return values

def check_inclusion(leaf, number, size, path, root):
    need(number < size and climb(number, size - 1, hashes(path), [sha(b"\0", leaf)]) == [root], "a path to another root")

def check_consistency(old_size, old_root, size, root, path):
    path, node, last = hashes(path), old_size - 1, size - 1
    if old_size in (0, size):
        return need(not path and (old_size == 0 or old_root == root), "a forked log")
    path = path if old_size & (old_size - 1) else [old_root] + path
    while node & 1:
        node, last = node >> 1, last >> 1
    need(old_size < size and climb(node, last, path[1:], [path[0], path[0]]) == [old_root, root], "a forked log")

class Evidence:
    def __init__(self, map):
        self.map, self.newest, self.exporter, self.messages, self.lines = map, None, None, [], []
    def head(self, kept):
        room, checkpoint = self.map.verify(kept["checkpoint"], "checkpoint")
        need(checkpoint["room"] == room, "checkpoint of another room")
        below, dated, by = kept["checkpoint"], checkpoint, room
        for index, step in enumerate(kept["anchor"]["steps"]):
            if index == len(kept["anchor"]["steps"]) - 1:
                by, dated = self.map.verify(step["checkpoint"], "checkpoint")
                need(dated["room"] == by, "checkpoint of another room")
            else:
                dated = decode(parts(step["checkpoint"], "checkpoint")[3])
            check_inclusion(below, step["leaf"], dated["size"], step["path"], dated["root"])
            below = step["checkpoint"]
        need(by == self.map.root, "no date by the root hub")
        self.map.check_keys(None, dated["at"])
        self.exporter = self.exporter or room
        need(self.exporter == room, "head of another room's log")
        self.newest = self.newest or checkpoint
        newest = self.newest
        check_consistency(checkpoint["size"], checkpoint["root"], newest["size"], newest["root"], kept["consistency"])
        return checkpoint["size"], checkpoint["root"], dated["at"]
    def group(self, group):
        need(group["v"] == 1, "version")
        self.ticks = {}
        for signed in group["ticks"]:
            room, tick = self.map.verify(signed, "tick")
            need(room == self.map.root and tick["network"] == self.map.network, "tick")
            self.map.check_keys(tick["at"], tick["at"])
            self.ticks[sha(signed)] = tick["at"]
        self.heads = [self.head(kept) for kept in group["heads"]]
        for leaf in group["lines"]:
            room, line = self.map.verify(leaf["bytes"], "line")
            need(room == line["room"] and line["down_at"] <= line["up_at"], "line record")
            self.cited(line["down_tick"])
            self.map.check_keys(self.cited(line["up_tick"]), self.dated(leaf))
            self.lines.append(line)
        self.messages += [self.message(kept) for kept in group["messages"]]
    def cited(self, tick):
        need(tick is None or self.ticks.get(tick["digest"], tick["at"]) == tick["at"], "a tick of another time")
        return self.ticks.get(tick["digest"]) if tick else None
    def dated(self, leaf):
        if "head" not in leaf:
            return need(not leaf["path"], "a path without a head")
        need(leaf["head"] < len(self.heads), "no such head")
        size, root, at = self.heads[leaf["head"]]
        check_inclusion(leaf["bytes"], leaf["leaf"], size, leaf["path"], root)
        return at
    def message(self, kept):
        origin, header = self.map.verify(kept["header"], "envelope-header")
        route, digest = decode(header["route"]), sha(kept["header"])
        need(route["origin"] == origin and route["network"] == self.map.network, "origin of the header")
        header_keys, self.map.used = self.map.used, []
        tick, blocks = self.cited(route["tick"]), kept["blocks"]
        for name, commitment in zip(("facts", "text", "personal"), header["commitments"], strict=True):
            need(name not in blocks or sha(blocks[name]["salt"], blocks[name]["bytes"]) == commitment, f"{name} block")
        facts = decode(blocks["facts"]["bytes"])
        need(facts["status"] == route["status"], "status of the facts")
        message = {"id": route["id"], "origin": origin, "digest": digest, "to": header["to"], "facts": facts, "events": []}
        leaves = [leaf["leaf"] for leaf in kept["receipts"]]
        need(leaves == sorted(set(leaves)), "the order of receipts")
        seen = [self.receipt(leaf, message, tick) for leaf in kept["receipts"]]
        seen = min([at for at in seen if at is not None], default=None)
        self.map.used = header_keys
        self.map.check_keys(tick, seen)
        if facts["kind"] == 2 and "call" in facts:
            room, call = self.map.officer(facts["call"], "phone-call")
            self.map.used.insert(0, self.map.used[0])
            same = call["room"] == room == origin and call["text"] == header["commitments"][1]
            same = same and call["peer"] in [to["room"] for to in header["to"]] and call["code"] == facts["pairing_code"]
            same = same and (call.get("case"), call["line"]) == (facts.get("case"), facts["phone"])
            same = same and call.get("about") == facts.get("relates_to", [None])[0]
            need(same and call["status"] == facts["status"] and call["ended_at"] == facts["ended_at"], "call")
            need(all(id not in self.map.revoked or (seen or INF) < self.map.revoked[id] for id in self.map.used), "call")
            self.map.used, message["call"] = [], call
        return message
    def receipt(self, leaf, message, header_tick):
        issuer, receipt = self.map.verify(leaf["bytes"], "receipt")
        event, to, origin = receipt["event"], receipt["recipient"], message["origin"]
        need(receipt["issuer"] == issuer and (event in BY_OFFICER) == ("officer" in receipt), "receipt")
        need((receipt["origin"], receipt["envelope_id"]) == (origin, message["id"]), "receipt of another envelope")
        need(receipt["envelope_digest"] == message["digest"] or event == "collision", "receipt of other bytes")
        need(to in [address["room"] for address in message["to"]], "receipt for no recipient")
        hub = issuer != origin and (issuer in self.map.above(to) or issuer in self.map.ways(origin))
        may = {"accepted": issuer == origin, "custody": hub and issuer != to}
        may = may.get(event, issuer == to if event in BY_RECIPIENT else issuer in (origin, to) or hub)
        need(may, "receipt by a room without a say")
        need(issuer != self.exporter or receipt["seq"] == leaf["leaf"], "number of the receipt")
        if "officer" in receipt:
            room, deed = self.map.officer(receipt["officer"], "officer-act")
            same = all(deed[n] == receipt[n] for n in ("event", "origin", "envelope_id", "envelope_digest"))
            need(room == deed["room"] == issuer and same, "officer's act")
        latest = self.dated(leaf)
        earliest = max((at for at in (self.cited(receipt["tick"]), header_tick) if at is not None), default=-INF)
        self.map.check_keys(earliest, latest)
        proven = (earliest, INF if latest is None or latest < earliest else latest)
        offset = receipt.get("clock")
        lo, hi = (0, 0) if issuer == self.map.root else (offset["offset_lo"], offset["offset_hi"]) if offset else (1, 0)
        said = (max(receipt["at"] + lo, proven[0]), min(receipt["at"] + hi, proven[1]))
        attested = said if lo <= hi and said[0] <= said[1] else proven
        if message["facts"]["kind"] in (3, 5) and issuer == to:
            attested = (proven[0], attested[1])
        message["events"].append((event, to, issuer, proven, attested))
        return latest if receipt["envelope_digest"] == message["digest"] else None
def verify(data, pem):
    found = entries(data)
    names, bodies = [name for name, _ in found], dict(found)
    map = Map(bodies["map/plan.cose"], x509.load_pem_x509_certificate(pem))
    number = lambda folder: [name for name in names if name.startswith(folder + "/")]
    order = ["README.txt", "map/plan.cose"] + number("map/sheets") + number("rules") + number("calendars")
    order += [name for name in names if name == "log/as-of.cbor"] + number("evidence") + ["manifest.cose"]
    need(names == order, "the order of entries")
    for folder in ("map/sheets", "rules", "calendars", "evidence"):
        need([name[len(folder):][1:5] for name in number(folder)] == ["%04d" % (n + 1) for n, _ in enumerate(number(folder))], "numbers")
    for name in number("map/sheets"):
        map.add_sheet(bodies[name])
    by_root = [map.verify(bodies[name], "rule-pack") for name in number("rules")]
    packs = [pack for _, pack in by_root]
    by_root += [map.verify(bodies[name], "calendar") for name in number("calendars")]
    need(all(room == map.root for room, _ in by_root), "rules that the root hub did not sign")
    need([pack["digest"] for pack in map.plan.get("packs", [])] == [sha(bodies[name]) for name in number("rules")], "packs")
    years = {year["digest"] for year in map.plan.get("calendars", [])}
    need({sha(bodies[name]) for name in number("calendars")} <= years, "calendars")
    map.used = []
    evidence, as_of = Evidence(map), None
    if "log/as-of.cbor" in bodies:
        as_of = evidence.head(decode(bodies["log/as-of.cbor"]))
    for name in number("evidence"):
        evidence.group(decode(bodies[name]))
    room, manifest = map.verify(bodies["manifest.cose"], "evidence-manifest")
    map.check_keys(None, None)
    listed = [{"name": name, "size": len(body), "digest": sha(body)} for name, body in found[:-1]]
    need(manifest["entries"] == listed and manifest["exporter"] == room == (evidence.exporter or room), "manifest")
    need(manifest.get("as_of") == (as_of and {"size": as_of[0], "root": as_of[1]}), "manifest: head")
    need(manifest["network"] == map.network and manifest["v"] == 1, "manifest: network")
    for name, folder in (("packs", "rules"), ("calendars", "calendars")):
        need([d["digest"] for d in manifest[name]] == [sha(bodies[n]) for n in number(folder)], "manifest: rules")
    messages, subject = evidence.messages, manifest["subject"]
    counts = (len(messages), sum(len(m["events"]) for m in messages))
    need((manifest["messages"], manifest["receipts"]) == counts, "manifest: counts")
    if subject != "all":
        need(manifest["envelopes"] == [m["digest"] for m in messages], "manifest: messages")
    if subject != "all" and "case" in subject:
        need(all(m["facts"].get("case", subject["case"]) == subject["case"] for m in messages), "another case")
        seqs = {m["facts"]["case_seq"] for m in messages if "case_seq" in m["facts"]}
        need(seqs == set(range(1, max(seqs, default=0) + 1)), "a message of the case is missing")
    now = as_of[2] if as_of else max((e[3][0] for m in messages for e in m["events"]), default=0)
    return [dict(working, proven=proven["verdict"]) for working, proven in zip(
        *(list(judge(messages, map, packs, grade, now)) for grade in (4, 3))) if working["verdict"]]

def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        data, pem = (open(path, "rb").read() for path in sys.argv[1:])
        verdicts = verify(data, pem)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    except Exception as error:  # whatever is not as it must be, cbor2 and x509 say in their own exceptions
        print(json.dumps({"valid": False, "why": f"{type(error).__name__}: {error}"}, ensure_ascii=False))
        return 6
    print(json.dumps({"valid": True, "verdicts": verdicts}, ensure_ascii=False, indent=1))
    return 5 if any(v["verdict"] in ("late", "undecidable", "refused") for v in verdicts) else 0
sys.exit(main())