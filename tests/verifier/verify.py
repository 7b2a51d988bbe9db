#!/usr/bin/env python3
"""Verifies an evidence file of yichuan against a trust anchor, written from docs/formats.md and docs/rules.md alone.

usage: verify.py FILE ANCHOR.pem    needs: pip install cbor2 cryptography
exit code: 0 valid and on time, 5 valid and late or undecidable, 6 invalid, 1 unreadable, 2 usage"""
import json, struct, sys, zlib
from cryptography import x509
import silence
from signed import INF, Keys, Plan, decode, need, parts, sha
from verdicts import JUDGED_BY, judge

BY_OFFICER = {"acknowledged", "opened", "disposed", "returned"}
BY_RECIPIENT = {"delivered", "alerted", "lost"} | BY_OFFICER

def entries(data):
    """Names and data in their order; the container that they make must be the file."""
    found, at, body, directory = [], 0, b"", b""
    while data[at:at + 4] == b"PK\3\4":
        size, length = struct.unpack("<IH", data[at + 22:at + 28])
        begin = at + 30 + length
        found.append((data[at + 30:begin], data[begin:begin + size]))
        at = begin + size
    for name, inside in found:
        numbers = struct.pack("<IIIHH", zlib.crc32(inside), len(inside), len(inside), len(name), 0)
        directory += b"PK\1\2\n\0\n\0\0\x08\0\0\0\0\x21\0" + numbers + bytes(10) + struct.pack("<I", len(body)) + name
        body += b"PK\3\4\n\0\0\x08\0\0\0\0\x21\0" + numbers + name + inside
    end = struct.pack("<IHHIIH", 0, len(found), len(found), len(directory), len(body), 0)
    need(data == body + directory + b"PK\5\6" + end, "the container")
    need(len(dict(found)) == len(found), "a name twice")
    return [(name.decode(), inside) for name, inside in found]

def halves(size, path):
    """RFC 6962, 2.1: the left part of a tree, the hashes of a path below its top, and the one there."""
    need(path, "a path that is too short")
    return 1 << (size - 1).bit_length() - 1, path[:-32], path[-32:]

def inclusion(number, size, hash, path):
    """RFC 6962, 2.1.1: the root over a leaf."""
    if size == 1:
        return need(not path and number == 0, "a path that is too long") or hash
    left, path, top = halves(size, path)
    if number < left:
        return sha(b"\1", inclusion(number, left, hash, path), top)
    return sha(b"\1", top, inclusion(number - left, size - left, hash, path))

def consistency(old, size, root, path):
    """RFC 6962, 2.1.2: the roots over `old` leaves and over all; `root` is the old one where that is whole."""
    if old == size:
        need(len(path) == (0 if root else 32), "a path that is too long")
        return [root or path] * 2
    left, path, top = halves(size, path)
    if old <= left:
        before, after = consistency(old, left, root, path)
        return [before, sha(b"\1", after, top)]
    return [sha(b"\1", top, hash) for hash in consistency(old - left, size - left, None, path)]

def rule_pack(keys, document):
    """Its signer, its digest, and the pack with those of its parts that are there."""
    loose = decode(document) if document[:1] != b"\xd2" else {"head": document, "parts": []}
    room, head = keys.verify(loose["head"], "rule-pack")
    there, pack = {sha(part): decode(part) for part in loose["parts"]}, dict(head["pack"], rules=[])
    named = [(name["kind"], there.get(name["digest"])) for name in head["parts"]]
    pack["left_out"] = {kind for kind, part in named if part is None}
    need([name["digest"] for name in head["parts"] if name["digest"] in there] == list(there), "parts of another pack")
    need("words" not in loose or not pack["left_out"] and sha(loose["words"]) == head["words"], "words of a pack")
    for kind, part in named:
        need(not part or all(rule["kind"] == kind for rule in part["rules"]), "a rule of another kind")
        pack["rules"] += part["rules"] if part else []
    return room, sha(loose["head"]), pack

class Evidence:
    def __init__(self, keys, plans):
        self.keys, self.plans, self.plan = keys, plans, keys.plan
        self.as_of, self.newest, self.exporter, self.lines, self.messages = None, None, None, [], []
    def head(self, kept):
        room, checkpoint = self.keys.verify(kept["checkpoint"], "checkpoint")
        by, dated, below, signer = room, checkpoint, kept["checkpoint"], self.keys.take()
        for step in kept["anchor"]["steps"]:
            dated = decode(parts(step["checkpoint"], "checkpoint")[3])
            hash = inclusion(step["leaf"], dated["size"], sha(b"\0", below), step["path"])
            need(hash == dated["root"], "an anchor to another root")
            below = step["checkpoint"]
        if below is not kept["checkpoint"]:
            by, _ = self.keys.verify(below, "checkpoint")
        need(checkpoint["room"] == room and dated["room"] == by == self.plan.root, "no date by the root hub")
        self.keys.check(-INF, dated["at"], signer)
        self.keys.check(dated["at"], dated["at"], self.keys.take() or signer)
        self.exporter, self.newest = self.exporter or room, self.newest or checkpoint
        need(self.exporter == room and 0 < checkpoint["size"] <= self.newest["size"], "head of another log")
        roots = consistency(checkpoint["size"], self.newest["size"], checkpoint["root"], kept["consistency"])
        need(roots == [checkpoint["root"], self.newest["root"]], "a forked log")
        return checkpoint["size"], checkpoint["root"], dated["at"]
    def ground(self, ticks, heads):
        need(self.as_of or not heads, "heads without a newest one")
        self.ticks = {}
        for signed in ticks:
            room, tick = self.keys.verify(signed, "tick")
            need(room == self.plan.root and tick["network"] == self.plan.network, "tick")
            self.keys.check(tick["at"], tick["at"])
            self.ticks[sha(signed)] = tick["at"]
        self.heads = ([self.as_of] if self.as_of else []) + [self.head(kept) for kept in heads]
    def group(self, group):
        need(group["v"] == 2, "version")
        self.ground(group["ticks"], group["heads"])
        for leaf in group["lines"]:
            room, line = self.keys.verify(leaf["bytes"], "line")
            need(room == line["room"] and line["down_at"] <= line["up_at"], "line record")
            self.cited(line["down_tick"])
            self.keys.check(self.cited(line["up_tick"]), self.dated(leaf))
            self.lines.append(line)
        self.messages += [self.message(kept) for kept in group["messages"]]
    def cited(self, tick):
        need(tick is None or self.ticks.get(tick["digest"], tick["at"]) == tick["at"], "a tick of another time")
        return self.ticks.get(tick["digest"], -INF) if tick else -INF
    def dated(self, leaf):
        need("head" in leaf or not leaf["path"], "a path without a head")
        if "head" not in leaf:
            return INF
        size, root, at = self.heads[leaf["head"]]
        hash = sha(b"\0", leaf["bytes"])
        need(leaf["leaf"] < size and inclusion(leaf["leaf"], size, hash, leaf["path"]) == root, "another leaf")
        return at
    def message(self, kept):
        origin, header = self.keys.verify(kept["header"], "envelope-header")
        route, digest, blocks, signer = decode(header["route"]), sha(kept["header"]), kept["blocks"], self.keys.take()
        need(route["origin"] == origin and route["network"] == self.plan.network, "origin of the header")
        for name, commitment in zip(("facts", "text", "personal"), header["commitments"], strict=True):
            need(name not in blocks or sha(blocks[name]["salt"], blocks[name]["bytes"]) == commitment, f"{name} block")
        facts, tick = decode(blocks["facts"]["bytes"]), self.cited(route["tick"])
        need(facts["status"] == route["status"], "status of the facts")
        message = {"id": route["id"], "origin": origin, "digest": digest, "to": header["to"], "facts": facts}
        message["events"] = []
        leaves, plan = [leaf["leaf"] for leaf in kept["receipts"]], self.plans.get(route["map_version"], self.plan)
        need(leaves == sorted(set(leaves)), "the order of receipts")
        seen = min([self.receipt(leaf, message, tick, plan) for leaf in kept["receipts"]], default=INF)
        self.keys.check(tick, seen, signer)
        if facts["kind"] == 2 and "call" in facts:
            room, call = self.keys.officer(facts["call"], "phone-call")
            said = {"room": room, "text": header["commitments"][1], "code": facts["pairing_code"],
                    "line": facts["phone"], "case": facts.get("case"), "about": facts.get("relates_to", [None])[0],
                    "sensitive": facts.get("sensitive", False)}
            said |= {name: facts[name] for name in ("status", "started_at", "ended_at", "direction")}
            need(room == origin and all(call.get(name) == value for name, value in said.items()), "call")
            need(call["peer"] in [to["room"] for to in header["to"]], "call with no recipient")
            self.keys.check(-INF, seen, embedded=True)
            message["call"] = call
        return message
    def receipt(self, leaf, message, header_tick, plan):
        """Adds the event with its proven and its attested times; gives the date where it is about these very bytes."""
        issuer, receipt = self.keys.verify(leaf["bytes"], "receipt")
        event, to, origin = receipt["event"], receipt["recipient"], message["origin"]
        need(receipt["issuer"] == issuer and (event in BY_OFFICER) == ("officer" in receipt), "receipt")
        need((receipt["origin"], receipt["envelope_id"]) == (origin, message["id"]), "receipt of another envelope")
        need(receipt["envelope_digest"] == message["digest"] or event == "collision", "receipt of other bytes")
        need(to in [address["room"] for address in message["to"]], "receipt for no recipient")
        hub = issuer != origin and (issuer in plan.above(to) or issuer in plan.ways(origin))
        may = {"accepted": issuer == origin, "custody": hub and issuer != to,
               "handed": issuer != to and (hub or issuer == origin)}
        may = may.get(event, issuer == to if event in BY_RECIPIENT else issuer in (origin, to) or hub)
        need(may, "receipt by a room without a say")
        need(issuer != self.exporter or receipt["seq"] == leaf["leaf"], "number of the receipt")
        if "officer" in receipt:
            room, deed = self.keys.officer(receipt["officer"], "officer-act")
            same = all(deed[n] == receipt[n] for n in ("event", "origin", "envelope_id", "envelope_digest"))
            need(room == deed["room"] == issuer and same, "officer's act")
        earliest, latest = max(self.cited(receipt["tick"]), header_tick), self.dated(leaf)
        self.keys.check(earliest, latest)
        proven = (earliest, latest if earliest <= latest else INF)
        offset = {"offset_lo": 0, "offset_hi": 0} if issuer == plan.root else receipt.get("clock")
        attested = proven
        if offset and offset["offset_lo"] <= offset["offset_hi"]:
            said = [receipt["at"] + offset["offset_lo"], receipt["at"] + offset["offset_hi"]]
            starts_own_clock = message["facts"]["kind"] in (3, 5) and issuer == to
            if max(said[0], earliest) <= min(said[1], proven[1]):
                attested = (earliest if starts_own_clock else max(said[0], earliest), min(said[1], proven[1]))
        message["events"].append((event, to, issuer, proven, attested, receipt["at"]))
        return latest if receipt["envelope_digest"] == message["digest"] else INF

def cases(messages):
    """Messages that are judged together, in one piece: those of a case, and what names none but one of them."""
    groups, present, labels = [], set(), set()
    for message in messages:
        facts, own = message["facts"], (message["origin"], message["id"])
        about = [(key["origin"], key["id"]) for key in facts.get("relates_to", [])[:1]]
        names = {facts["case"]} if "case" in facts else {own, *about}
        if not names & present:
            need(not names & labels, "a case in parts")
            groups, present = groups + [[]], set()
        present |= names | {own}
        labels |= present
        groups[-1].append(message)
    need(len({(m["origin"], m["id"]) for m in messages}) == len(messages), "a message twice")
    return groups

def verify(data, pem):
    found = entries(data)
    bodies, anchor = dict(found), x509.load_pem_x509_certificate(pem)
    folder = lambda name: [body for entry, body in found if entry.startswith(name + "/") and entry != "map/plan.cose"]
    numbered = lambda name, end: [f"{name}/{n + 1:04}.{end}" for n in range(len(folder(name)))]
    order = ["README.txt", "map/plan.cose"] + numbered("map/plans", "cose") + numbered("map/sheets", "cose")
    order += numbered("rules", "cose") + numbered("calendars", "cose")
    order += [name for name in ("log/as-of.cbor", "log/span.cbor") if name in bodies]
    need(list(bodies) == order + numbered("evidence", "cbor") + ["manifest.cose"], "the order of entries")
    plan = Plan(bodies["map/plan.cose"], anchor)
    keys, plans = Keys(plan, anchor), [Plan(body, anchor) for body in folder("map/plans")] + [plan]
    versions = [plan.version for plan in plans]
    need(versions == sorted(set(versions)) and all(p.network == plan.network for p in plans), "the order of plans")
    for body in folder("map/sheets"):
        keys.add_sheet(body)
    packs, calendars = [rule_pack(keys, body) for body in folder("rules")], folder("calendars")
    signers = [room for room, _, _ in packs] + [keys.verify(body, "calendar")[0] for body in calendars]
    need(all(room == plan.root for room in signers), "rules that the root hub did not sign")
    need([pack["digest"] for pack in vars(plan).get("packs", [])] == [digest for _, digest, _ in packs], "packs")
    need({sha(body) for body in calendars} <= {year["digest"] for year in vars(plan).get("calendars", [])}, "calendars")
    keys.take()
    evidence = Evidence(keys, dict(zip(versions, plans)))
    if "log/as-of.cbor" in bodies:
        evidence.as_of = evidence.head(decode(bodies["log/as-of.cbor"]))
    for body in folder("evidence"):
        evidence.group(decode(body))
    room, manifest = keys.verify(bodies["manifest.cose"], "evidence-manifest")
    keys.check(-INF, INF)
    messages, subject = evidence.messages, manifest["subject"]
    need((subject != "all" and "silence" in subject) == ("log/span.cbor" in bodies), "a span of the log")
    if "log/span.cbor" in bodies:
        silence.check(decode(bodies["log/span.cbor"]), subject, evidence)
    as_of = evidence.as_of
    told = {"v": 2, "network": plan.network, "exporter": evidence.exporter or room, "messages": len(messages),
            "entries": [sha(name.encode(), sha(body)) for name, body in found[:-1]],
            "receipts": sum(len(m["events"]) for m in messages),
            "as_of": as_of and {"size": as_of[0], "root": as_of[1]},
            "envelopes": [m["digest"] for m in messages] if subject != "all" else []}
    need(all(manifest.get(name) == value for name, value in told.items()) and told["exporter"] == room, "manifest")
    if subject != "all" and "case" in subject:
        of_case = [m["facts"] for m in messages if "case" in m["facts"]]
        need(all(facts["case"] == subject["case"] for facts in of_case), "another case")
        seqs = {facts["case_seq"] for facts in of_case if "case_seq" in facts}
        need(seqs == set(range(1, max(seqs, default=0) + 1)), "a message of the case is missing")
    now, packs = as_of[2] if as_of else None, [pack for _, _, pack in packs]
    needed = set().union(*(JUDGED_BY.get(m["facts"]["kind"], ()) for m in messages))
    need(not any(needed & pack["left_out"] for pack in packs), "a part of the rules is left out")
    graded = [[list(judge(case, plan, packs, evidence.lines, grade, now)) for grade in (4, 3)] for case in cases(messages)]
    return [dict(working, proven=proven["verdict"]) for pair in graded for working, proven in zip(*pair)
            if working["verdict"]]

def main():
    if len(sys.argv) != 3:
        return print(__doc__, file=sys.stderr) or 2
    try:
        data, pem = (open(path, "rb").read() for path in sys.argv[1:])
        verdicts = verify(data, pem)
    except OSError as error:
        return print(error, file=sys.stderr) or 1
    except Exception as error:  # whatever is not as it must be, cbor2 and x509 say in their own exceptions
        print(json.dumps({"valid": False, "why": f"{type(error).__name__}: {error}"}, ensure_ascii=False))
        return 6
    print(json.dumps({"valid": True, "verdicts": verdicts}, ensure_ascii=False, indent=1))
    return 5 if any(v["verdict"] in ("late", "undecidable", "refused") for v in verdicts) else 0
sys.exit(main())
