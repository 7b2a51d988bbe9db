"""The test vectors of the judge (relay/tests/duty_vectors) through this verifier's judge: those that a case of signed
messages can tell, told as one. usage: vectors.py VECTORS PACK.toml..."""

import json, re, sys, tomllib
from datetime import datetime

import verdicts as judged
from verdicts import INSTRUCTION, FEEDBACK, LEVELS, NOTE, REPLY, REPORT, REQUEST

ASKED, OBLIGED = b"asked", b"obliged"
#: What evidence can hold of the facts of a vector; a letter between two rooms is a report, or a request and its answer.
TOLD = {"kind", "severity", "sensitive", "occurred_at", "learned_at", "phone_completed_at", "phone_both_signed", "phone_line",
        "delivered_at", "request_delivered_at", "request_handed_over_at", "reply_phone_at", "reply_delivered_at",
        "written_required", "instruction_received_at", "feedback_delivered_at", "acknowledged_at", "accepted_at", "sent_at",
        "handed_over_at", "link_down", "clock_uncertainty_ms", "now"}
LETTERS = {"report.first": None, "verify.reply": (REQUEST, REPLY, "request_delivered_at", "reply_delivered_at"),
           "instruction.feedback": (INSTRUCTION, FEEDBACK, "instruction_received_at", "feedback_delivered_at")}

def instant(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)

def midnight(day):
    return instant(f"{day}T00:00:00+08:00")

def limit(written):
    if isinstance(written, dict):
        return "end_of_day" if written.get("by") == "end_of_day" else written
    number = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?", written)
    if not number:
        return written
    hours, minutes = (int(part or 0) for part in number.groups())
    return {"within": {"duration_ms": (hours * 60 + minutes) * 60_000}}

def conditions(table):
    texts = lambda values: [str(value).lower() for value in (values if isinstance(values, list) else [values])]
    return {name: texts(values) for name, values in table.items()}

def rule(written):
    applies = written.get("applies", [])
    read = {"basis": "stated", **written, "limit": limit(written["limit"]), "assumes": conditions(written.get("assumes", {}))}
    return read | ({"applies": list(map(conditions, applies if isinstance(applies, list) else [applies]))} if applies else {})

def pack(path):
    with open(path, "rb") as file:
        read = tomllib.load(file)
    return read | {"issuer": read.get("issuer"), "base": read.get("base"), "repealed_at": None,
                   "effective_at": midnight(read.get("effective", read["issued"])), "rules": list(map(rule, read["rule"])),
                   "switches": {"implied_start": "occurrence", **read.get("switches", {})}}

class Plan:
    """The room that is owed, with the division code of a pack's issuer, and the one that owes below it."""
    def __init__(self, code):
        self.rooms = {ASKED: {"codes": [{"value": code}]}, OBLIGED: {"codes": [{"value": "-"}], "parent": ASKED}}
    def above(self, room):
        return [room, ASKED] if room == OBLIGED else [room]

def case(facts):
    """The messages that tell these facts."""
    half, messages = facts.get("clock_uncertainty_ms", 0), []
    def add(origin, kind, said, events=(), **more):
        number, to = len(messages) + 1, ASKED if origin == OBLIGED else OBLIGED
        around = lambda at: ((instant(at) - half, instant(at) + half),) * 2 + (instant(at),)
        messages.append({"id": bytes([number]), "origin": origin, "facts": {"kind": kind, "case_seq": number, **said},
                         "to": [{"room": to, "role": "action"}],
                         "events": [(event, to, issuer, *around(at)) for event, issuer, at in events if at], **more})
    common = {name: facts[name] for name in ("sensitive", "written_required") if name in facts}
    if letters := LETTERS[facts["kind"]]:
        asks, answers, received, met = letters
        handed = ("handed", ASKED, facts.get("request_handed_over_at"))
        add(ASKED, asks, common, [("delivered", OBLIGED, facts.get(received)), handed])
        if met in facts:
            related = {"relates_to": [{"origin": ASKED, "id": messages[0]["id"]}]}
            add(OBLIGED, answers, related, [("delivered", ASKED, facts[met])])
    else:
        names = {chinese: name for name, chinese in LEVELS.items()}
        levels = [names.get(stated["value"], "undetermined") for stated in facts["severity"]]
        times = [instant(stated["value"]) for stated in facts.get("occurred_at", [])]
        for nth in range(max(len(levels), len(times))):
            said = {"severity": levels[nth]} if nth < len(levels) else {}
            said |= {"occurred_at": {"at": times[nth]}} if nth < len(times) else {}
            said |= {"learned_at": instant(facts["learned_at"])} if nth == 0 and "learned_at" in facts else {}
            add(OBLIGED, REPORT, common | said, [("delivered", ASKED, facts.get("delivered_at"))] if nth == 0 else [])
    if ended := facts.get("reply_phone_at" if letters else "phone_completed_at"):
        ended = instant(ended)
        end = {"code": "K7M", "status": "actual", "line": "ordinary", "started_at": ended - 60_000, "ended_at": ended}
        add(OBLIGED, NOTE, {}, call=end | {"direction": "out", "room": OBLIGED, "peer": ASKED})
        if facts.get("phone_both_signed", True):
            add(ASKED, NOTE, {}, call=end | {"direction": "in", "room": ASKED, "peer": OBLIGED})
    return messages

def told_until(facts):
    """`now`, or the last thing that the facts say happened."""
    stated = [one[name] for of in ("severity", "occurred_at") for one in facts.get(of, []) for name in ("at", "value")
              if name in one and of + name != "severityvalue"]
    marks = [value for name, value in facts.items() if name.endswith("_at") and isinstance(value, str)]
    return instant(facts["now"]) if "now" in facts else max(map(instant, stated + marks), default=0)

def is_told(vector, packs):
    facts = vector["facts"]
    is_letter = facts.get("kind") in LETTERS and facts.keys() <= TOLD and set(vector["packs"]) <= packs.keys()
    has_level = facts.get("severity") or facts.get("kind") != "report.first"
    return bool(is_letter and has_level and not (LETTERS[facts["kind"]] and "delivered_at" in facts))

def main():
    packs = {read["name"]: read for read in map(pack, sys.argv[2:])}
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = [vector for vector in json.load(file) if is_told(vector, packs)]
    findings, wrong = 0, []
    for vector in vectors:
        chosen = [packs[name] for name in vector["packs"]]
        for code in {read["issuer"] or "-" for read in chosen}:
            found = judged.judge(case(vector["facts"]), Plan(code), chosen, [], 4, told_until(vector["facts"]))
            found = {one["rule"]: one["verdict"] for one in found if one["verdict"]}
            binds = {r["id"] for read in chosen if read["issuer"] in (None, "000000", code) for r in read["rules"]}
            expected = {one["rule"]: one["verdict"] for one in vector["expect"] if one["rule"] in binds and "verdict" in one}
            findings += len(found)
            shown = found if vector.get("only") else {name: found.get(name) for name in expected}
            if shown != expected:
                wrong.append(f"{vector['id']}: {shown}, expected {expected}")
    print(json.dumps({"vectors": len(vectors), "findings": findings, "wrong": wrong}, ensure_ascii=False))
    return 1 if wrong else 0
sys.exit(main())
