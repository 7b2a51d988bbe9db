"""That nothing came from a room in a time: all leaves of a log between two heads (docs/formats.md)."""
from signed import decode, need, parts, sha

FIRST_SIGNS = {"custody", "delivered", "refused", "failed", "expired", "collision"}

class Tree:
    """A log that grows: its complete subtrees, largest first, each with its number of leaves."""
    def __init__(self, size, edge):
        counts = [1 << bit for bit in reversed(range(64)) if size >> bit & 1]
        need(len(edge) == 32 * len(counts), "an edge of another size")
        self.subtrees = [(count, edge[32 * place:][:32]) for place, count in enumerate(counts)]
    def append(self, leaf):
        count, hash = 1, sha(b"\0", leaf)
        while self.subtrees and self.subtrees[-1][0] == count:
            count, hash = 2 * count, sha(b"\1", self.subtrees.pop()[1], hash)
        self.subtrees.append((count, hash))
    def root(self):
        hashes = [hash for _, hash in self.subtrees]
        while len(hashes) > 1:
            hashes[-2:] = [sha(b"\1", *hashes[-2:])]
        return hashes[0]

def check(span, subject, evidence):
    """`evidence` verifies ticks, heads and signatures as for any group."""
    evidence.ground(span["ticks"], [span["first"], span["last"]])
    _, (first, root, since), (end, wanted, dated) = evidence.heads
    tree = Tree(first, span["edge"])
    need(span["v"] == 2 and tree.root() == root, "an edge of another log")
    for leaf in span["leaves"]:
        tree.append(leaf)
    need(first + len(span["leaves"]) == end and tree.root() == wanted, "leaves that do not lead from head to head")
    silent, exporter = subject["silence"], evidence.exporter
    until = evidence.cited(decode(parts(span["last"]["checkpoint"], "checkpoint")[3])["tick"])
    in_span = since <= silent["from"] < silent["to"] <= until
    need(in_span and silent["peer"] != exporter, "heads that do not span the time")
    for number, leaf in enumerate(span["leaves"], first):
        if leaf[:1] != b"\xd2" or decode(decode(leaf).value[0])[3] != "application/yichuan-receipt+cbor":
            continue
        receipt = decode(parts(leaf, "receipt")[3])
        if receipt["issuer"] != exporter:
            continue
        room, _ = evidence.keys.verify(leaf, "receipt")
        need(room == exporter and receipt["seq"] == number, "a receipt of another number")
        after = evidence.cited(receipt["tick"])
        evidence.keys.check(after, dated)
        came = receipt["event"] in FIRST_SIGNS and silent["peer"] in (receipt.get("peer"), receipt["origin"])
        need(not came or "peer" not in receipt or after >= silent["to"], "something came from that room")
