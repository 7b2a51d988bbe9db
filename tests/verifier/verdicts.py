"""The verdicts on the cases of verified evidence (docs/rules.md). No limit of the three duties that a case has counts
days, so the calendars of the file decide none of them."""

from signed import INF

DAY, BEIJING = 86_400_000, 28_800_000
LEVELS = {"exceptional": "特别重大", "major": "重大", "serious": "较大", "ordinary": "一般"}
FORCES = ["must", "strive", "principle", "may"]
REPORT, NOTE, REQUEST, REPLY, INSTRUCTION, FEEDBACK = 1, 2, 3, 4, 5, 6
JUDGED_BY = {REPORT: {"report.first", "report.any"}, REQUEST: {"verify.reply"}, INSTRUCTION: {"instruction.feedback"},
             NOTE: {None}}

def calls(messages):
    """The ends of the calls that both sides signed, with the two rooms and the message that they were about."""
    said = sorted((m for m in messages if "call" in m), key=lambda m: (m["id"], m["origin"]))
    inside, found = [m["call"] for m in said if m["call"]["direction"] == "in"], []
    for out in (m["call"] for m in said if m["call"]["direction"] == "out"):
        for into in inside:
            near = all(abs(out[end] - into[end]) <= 600_000 for end in ("started_at", "ended_at"))
            same = all(out[name] == into[name] for name in ("code", "status", "line"))
            same = same and all(n not in out or n not in into or out[n] == into[n] for n in ("about", "case"))
            if near and same and (out["room"], out["peer"]) == (into["peer"], into["room"]):
                inside.remove(into)
                found.append((max(out["ended_at"], into["ended_at"]), {out["room"], out["peer"]}, out.get("about", into.get("about"))))
                break
    return found

def first(message, event, to, grade):
    times = [entry[grade] for entry in message["events"] if entry[0] == event and entry[1] == to]
    return min(times, key=lambda time: time[1], default=None)

def notice(asked, room, plan, lines, grade, now):
    """When the limit of an answer begins: with `delivered`, or where that was withheld with a hand-over by a parent whose own
    records do not have the line down in the minute after it; and the first instant at which it can have come."""
    delivered, place = first(asked, "delivered", room, grade), plan.rooms.get(room, {})
    parents = [place.get("parent"), *place.get("alternates", [])]
    was_up = lambda by, at: not any((line["room"], line["peer"]) == (by, room) and line["down_at"] < at + 60_000
                                    and line["up_at"] > at for line in lines)
    handed = min((entry[grade] for entry in asked["events"] if entry[:2] == ("handed", room) and entry[2] in parents
                  and was_up(entry[2], entry[5])), key=lambda time: time[1], default=None)
    came = min((at[0] for at in (delivered, handed) if at), default=-INF)
    return handed if handed and (delivered[0] if delivered else now) > handed[1] + 60_000 else delivered, came

def duties(messages, plan, packs, lines, grade, now):
    key = lambda m: {"origin": m["origin"], "id": m["id"]}
    ordered = sorted(messages, key=lambda m: (m["facts"].get("case_seq", 0), m["id"], m["origin"]))
    reports, spoken = [m for m in ordered if m["facts"]["kind"] == REPORT], calls(messages)
    met = lambda all, to: min((m for m in all if first(m, "delivered", to, grade)),
                              key=lambda m: first(m, "delivered", to, grade)[1], default=None)
    for to in sorted({a["room"] for m in reports for a in m["to"]} | set(packs)):
        if not reports or to == reports[0]["origin"] or to not in plan.above(reports[0]["origin"]):
            continue
        mine = [m for m in reports if to in [a["room"] for a in m["to"]]]
        answer = met(mine, to)
        obliged = (answer or (mine or reports)[0])["origin"]
        ends = [end for end, rooms, _ in spoken if to in rooms and rooms & {obliged, reports[0]["origin"]}]
        yield "report.first", obliged, to, {"delivered": answer and first(answer, "delivered", to, grade)}, ends
    for asked in (m for m in ordered if m["facts"]["kind"] in (REQUEST, INSTRUCTION)):
        kind, wanted, start = (("verify.reply", REPLY, "notice_received") if asked["facts"]["kind"] == REQUEST
                               else ("instruction.feedback", FEEDBACK, "instruction_received"))
        for room in (a["room"] for a in asked["to"] if a["role"] == "action"):
            answer = met([m for m in ordered if m["facts"]["kind"] == wanted and m["origin"] == room
                          and key(asked) in m["facts"].get("relates_to", [])], asked["origin"])
            delivered = answer and first(answer, "delivered", asked["origin"], grade)
            begun, came = notice(asked, room, plan, lines, grade, now)
            ends = [end for end, rooms, about in spoken if rooms == {room, asked["origin"]}
                    and (about == key(asked) or about is None and end >= came)]
            times = {start: begun, "delivered": delivered, "asked": asked["facts"]}
            yield kind, room, asked["origin"], times, ends

def judge(messages, plan, packs, lines, grade, now):
    reports = [m["facts"] for m in messages if m["facts"]["kind"] == REPORT]
    stated = [f["severity"] for f in reports if "severity" in f]
    grave = min((list(LEVELS).index(level) for level in stated if level in LEVELS), default=0)
    occurred = min((f["occurred_at"]["at"] for f in reports if "at" in f.get("occurred_at", {})), default=None)
    now = now if now is not None else max((e[3][0] for m in messages for e in m["events"]), default=0)
    issuers = {code(plan.rooms[room]): room for room in plan.rooms}
    targets = {issuers[pack["issuer"]] for pack in packs if pack["issuer"] in issuers}
    for kind, obliged, to, times, ends in duties(messages, plan, targets, lines, grade, now):
        traits = {"sensitive": any(m["facts"].get("sensitive") for m in messages)}
        if kind == "report.first":
            written = times["delivered"]
            traits["urgent_no_time_to_write"] = bool(ends) and (not written or min(ends) <= written[1])
        if kind == "verify.reply":
            traits["written_required"] = times["asked"].get("written_required", False)
        traits = {name: str(value).lower() for name, value in traits.items()}
        if stated or kind == "report.first":
            traits["severity"] = LEVELS[list(LEVELS)[grave]]
        declared = [m["facts"].get("learned_at") for m in messages if m["origin"] == obliged]
        learned = next((at for at in declared if at is not None), None)
        if kind == "report.first" and learned is not None:
            times |= {"learned": (learned, learned), "occurrence": (-INF, learned)}
        if occurred is not None:
            times["occurrence"] = (occurred, occurred)
        times["call"] = times["phone_report_completed"] = (min(ends), min(ends)) if ends else None
        case = Case(kind, traits, times, packs, occurred, now)
        for pack in packs:
            binds = pack["issuer"] in (None, "000000") or issuers.get(pack["issuer"]) == to
            for rule in pack["rules"] if binds else []:
                if case.applies(pack, rule):
                    yield {"rule": rule["id"], "pack": pack["name"], "obliged": code(plan.rooms[obliged]),
                           "towards": code(plan.rooms[to]), "verdict": case.decide(pack, rule)}

class Case:
    """One duty laid beside the packs."""
    def __init__(self, kind, traits, times, packs, occurred, now):
        self.kind, self.traits, self.times = kind, traits, times
        self.packs, self.occurred, self.now = packs, occurred, now
    def start(self, pack, rule):
        implied = rule["basis"] == "implied" and rule["start"] == "occurrence"
        return self.times.get(pack["switches"]["implied_start"] if implied else rule["start"])
    def meets(self, rule):
        has = lambda wanted: all(self.traits.get(name) in values for name, values in wanted.items())
        assumed = {name: values for name, values in rule.get("assumes", {}).items() if name in self.traits}
        is_of_kind = any({rule["kind"], self.kind} <= kinds for kinds in JUDGED_BY.values())
        return is_of_kind and has(assumed) and ("applies" not in rule or any(map(has, rule["applies"])))
    def decisive(self, pack, rule):
        """The instant whose version of the rules judges."""
        if self.occurred is not None and rule["start"] in ("occurrence", "learned", "phone_report_completed"):
            return self.occurred
        known = [at for at in self.start(pack, rule) or self.times.get("learned") or (self.now,) if abs(at) != INF]
        return sum(known) // len(known) if known else self.now
    def applies(self, pack, rule):
        at = self.decisive(pack, rule)
        others = [other for other in self.packs if in_force(other, at)]
        newer = any(other["name"] == pack["name"] and other["version"] > pack["version"] for other in others)
        based = [r["id"] for other in others if other["base"] == pack["name"] for r in other["rules"]]
        return self.meets(rule) and in_force(pack, at) and not newer and rule["id"] not in based
    def due(self, pack, rule, began):
        """One due time for each end of the start; none without a number."""
        limit = rule["limit"]
        if limit == "inherit":
            at = self.decisive(pack, rule)
            others = [(other, r) for other in self.packs if other["name"] != pack["name"] and in_force(other, at)
                      for r in other["rules"]
                      if r["start"] == rule["start"] and r["limit"] != "inherit" and self.meets(r)
                      and FORCES.index(r["force"]) <= FORCES.index(rule["force"])]
            found = [self.due(other, r, began) for other, r in others]
            return min((due for due in found if due), key=lambda due: due[1], default=None)
        day = lambda at: at if abs(at) == INF else (at + BEIJING) // DAY * DAY - BEIJING
        if limit == "end_of_day":
            return [day(at) + DAY for at in began]
        if "within" in limit:
            return [at + limit["within"]["duration_ms"] for at in began]
        minute = limit["cutoff_time"]["minute"] if "cutoff_time" in limit else None
        return minute and [day(at) + minute * 60_000 for at in began]
    def decide(self, pack, rule):
        delivered, end, began = self.times["delivered"], self.times["call"], self.start(pack, rule)
        by_phone = rule["stop"].startswith("phone_")
        times = [delivered] if delivered and not by_phone else []
        times += [end] if end and (rule["channel"] == "any" or by_phone and rule["channel"] == "phone") else []
        if not began:
            begins_alone = rule["start"] in ("phone_report_completed", "party_copy_sent")
            judged = rule["start"] in ("occurrence", "learned") or (delivered or end) and not begins_alone
            return "undecidable" if judged else None
        due = self.due(pack, rule, began)
        if not due:
            return "no_limit"
        if not times:
            return "pending" if self.now <= due[0] else "late" if self.now > due[1] else "undecidable"
        stop = [min(time[side] for time in times) for side in (0, 1)]
        return "on_time" if stop[1] <= due[0] else "late" if stop[0] > due[1] else "undecidable"

def in_force(pack, at):
    return pack["effective_at"] <= at and (pack["repealed_at"] is None or at < pack["repealed_at"])

def code(room):
    return [dated["value"] for dated in room["codes"] if "to_ms" not in dated][-1]
