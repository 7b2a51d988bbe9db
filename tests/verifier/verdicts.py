"""The verdicts on the cases of verified evidence (docs/rules.md), for limits as durations and ends of days."""

LEVELS = {"exceptional": "特别重大", "major": "重大", "serious": "较大", "ordinary": "一般"}
REPORT, REQUEST, REPLY, INSTRUCTION, FEEDBACK = 1, 3, 4, 5, 6

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
                found.append((max(out["ended_at"], into["ended_at"]), {out["room"], out["peer"]}, out.get("about")))
                break
    return found

def first(message, event, to, grade):
    times = [entry[grade] for entry in message["events"] if entry[0] == event and entry[1] == to]
    return min(times, key=lambda time: time[1], default=None)

def duties(messages, plan, packs, grade):
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
            ends = [end for end, rooms, about in spoken if rooms == {room, asked["origin"]} and about in (None, key(asked))]
            times = {start: first(asked, "delivered", room, grade), "delivered": delivered, "asked": asked["facts"]}
            yield kind, room, asked["origin"], times, ends

def judge(messages, plan, packs, grade, now):
    reports = [m["facts"] for m in messages if m["facts"]["kind"] == REPORT]
    stated = [f["severity"] for f in reports if "severity" in f]
    grave = min((list(LEVELS).index(level) for level in stated if level in LEVELS), default=0)
    occurred = min((f["occurred_at"]["at"] for f in reports if "at" in f.get("occurred_at", {})), default=None)
    issuers = {code(plan.rooms[room]): room for room in plan.rooms}
    targets = {issuers[pack["issuer"]] for pack in packs if pack["issuer"] in issuers}
    for kind, obliged, to, times, ends in duties(messages, plan, targets, grade):
        for pack in packs:
            if pack["issuer"] not in (None, "000000") and issuers.get(pack["issuer"]) != to:
                continue
            for rule in pack["rules"]:
                end, written = (min(ends), min(ends)) if ends else None, times["delivered"]
                traits = {"sensitive": any(m["facts"].get("sensitive") for m in messages),
                          "urgent_no_time_to_write": bool(end) and (not written or end[0] <= written[1])}
                if "asked" in times:
                    traits["written_required"] = times["asked"].get("written_required", False)
                traits = {name: str(value).lower() for name, value in traits.items()}
                if stated or kind == "report.first":
                    traits["severity"] = LEVELS[list(LEVELS)[grave]]
                meets = lambda wanted: all(traits.get(name) in values for name, values in wanted.items())
                differs = any(traits[n] not in values for n, values in rule["assumes"].items() if n in traits)
                if rule["kind"] != kind or differs or (rule["applies"] and not any(map(meets, rule["applies"]))):
                    continue
                start = rule["start"]
                if rule["basis"] == "implied" and start == "occurrence":
                    start = pack["switches"]["implied_start"]
                began = (occurred, occurred) if start == "occurrence" and occurred else times.get(start)
                yield {"rule": rule["id"], "pack": pack["name"], "obliged": code(plan.rooms[obliged]),
                       "towards": code(plan.rooms[to]), "verdict": decide(rule, began, written, end, now)}

def decide(rule, began, delivered, end, now):
    calls_count = rule["channel"] in ("any", "phone")
    is_phone = rule["stop"].startswith("phone_")
    times = [delivered] if delivered and not is_phone else []
    times += [end] if end and calls_count and (is_phone or rule["channel"] == "any") else []
    if not began:
        return "undecidable" if rule["start"] == "occurrence" or times else None
    limit = rule["limit"]
    if limit == "end_of_day":
        due = [(at + 28_800_000) // 86_400_000 * 86_400_000 + 57_600_000 for at in began]
    elif isinstance(limit, dict) and "within" in limit:
        due = [at + limit["within"]["duration_ms"] for at in began]
    else:
        return "no_limit" if limit in ("asap", "none") else "not recomputed here"
    if not times:
        return "pending" if now <= due[0] else "late" if now > due[1] else "undecidable"
    stop = [min(time[side] for time in times) for side in (0, 1)]
    return "on_time" if stop[1] <= due[0] else "late" if stop[0] > due[1] else "undecidable"

def code(room):
    return [dated["value"] for dated in room["codes"] if "to_ms" not in dated][-1]
