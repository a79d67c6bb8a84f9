"""The verdict over a storm: what the clients wrote down is held against what the topics hold."""

import json
import xml.etree.ElementTree
from dataclasses import dataclass, field

EXAMPLES = 5  # of each fault that are told


def exact(text):
    """JSON with its numbers digit for digit and its members in their order."""
    def number(digits):
        return ("number", digits)

    return json.loads(text, parse_int=number, parse_float=number, object_pairs_hook=lambda pairs: ("object", pairs))


def vendor_message(body):
    """What data.vendor must be for a body that was posted, as exact() reads it: XML is an object of strings."""
    if not body.startswith("<"):
        return exact(body)
    root = xml.etree.ElementTree.fromstring(body)
    return ("object", [(member.tag, member.text or "") for member in root])


def member(value, *names):
    """A member of what exact() read; None when there is none."""
    for name in names:
        value = dict(value[1]).get(name) if isinstance(value, tuple) and value[0] == "object" else None
    return value


@dataclass
class Verdict:
    posted: int = 0
    answered: int = 0
    spooled: int = 0  # of the answered, those that lay in the spool by then
    events: int = 0  # of the answered
    duplicates: int = 0  # records beyond the first of their id, alike but for when they were received
    lost: int = 0  # callbacks without a 2xx of vendors that never repeat: theirs to lose, as long as nobody said 2xx
    attempts: dict = field(default_factory=dict)  # what came of the requests -> how many
    missing: list = field(default_factory=list)
    corrupted: list = field(default_factory=list)
    disordered: list = field(default_factory=list)
    odd_answers: list = field(default_factory=list)

    @property
    def faults(self):
        return {
            name: found
            for name in ("missing", "corrupted", "disordered", "odd_answers")
            if (found := getattr(self, name))
        }

    def line(self):
        attempts = ", ".join(f"{count} {what}" for what, count in sorted(self.attempts.items(), key=str))
        return (
            f"{self.posted} callbacks, {self.answered} answered ({self.spooled} out of the spool) with {self.events} "
            f"events: {len(self.missing)} missing, {len(self.corrupted)} corrupted, "
            f"{len(self.disordered)} out of order, {self.duplicates} duplicates; {self.lost} lost by those who never repeat; requests: {attempts}"
        )

    def text(self):
        """The faults, with some examples of each."""
        return "\n".join(
            f"{len(found)} {name}:\n" + "\n".join(f"  {each}" for each in found[:EXAMPLES])
            for name, found in self.faults.items()
        )


USUAL = {200, 503, "refused", "reset", "timeout"}


def judge(entries, records, prefix="", over_starts=True):
    """entries: the ledger's. records: all that the topics hold, each topic's in the order of partition and offset; they
    need topic (its name begins with prefix), partition, offset, key and value. over_starts: a gateway that was started
    anew upon its directory owes the order to what it answered before, too; false when another took its spool over.
    Gives a Verdict."""
    verdict = Verdict(posted=len(entries))
    posted = {event: (entry, topic) for entry in entries for event, topic in entry.events.items()}
    first = _first_records(records, posted, prefix, verdict)
    for entry in entries:
        for what in entry.attempts:
            verdict.attempts[what] = verdict.attempts.get(what, 0) + 1
            if what not in USUAL:
                verdict.odd_answers.append(f"{entry.path} {entry.call}: {what}")
        if entry.answered is None:
            verdict.lost += entry.source == "jiuyun"
            continue
        verdict.answered += 1
        verdict.spooled += entry.durability == "spool"
        verdict.events += len(entry.events)
        verdict.missing += [
            f"{event}, answered at {entry.answered:.3f}, {_told(entry)}"
            for event in entry.events if event not in first
        ]
    _judge_order(entries, first, verdict, over_starts)
    return verdict


def _first_records(records, posted, prefix, verdict):
    """Event id -> its first record. Counts the duplicates, and finds what is corrupted."""
    first, contents, bodies = {}, {}, {}
    for record in records:
        where = f"{record.topic} {record.partition}:{record.offset}"
        try:
            event = exact(record.value)
            number = member(event, "id")
        except ValueError as error:
            verdict.corrupted.append(f"{where} is not JSON: {error}")
            continue
        if number not in posted:
            verdict.corrupted.append(f"{where} holds {number}, which nobody posted: {record.value[:300]!r}")
            continue
        entry, topic = posted[number]
        if number in first:
            verdict.duplicates += 1
            if _lasting(event) != contents[number]:
                verdict.corrupted.append(f"{where} differs from an earlier record of {number}")
            if (record.topic, record.partition) != (first[number].topic, first[number].partition):
                verdict.corrupted.append(f"{where} is another place than that of an earlier record of {number}")
            continue
        first[number], contents[number] = record, _lasting(event)
        if number not in bodies:
            bodies.update(dict.fromkeys(entry.events, vendor_message(entry.body)))
        for what, found, expected in (
            ("topic", record.topic, prefix + topic), ("key", record.key.decode(), entry.call),
            ("subject", member(event, "subject"), entry.call),
            ("source", member(event, "source"), f"/trunkline/{entry.source}"),
            ("data.vendor", member(event, "data", "vendor"), bodies[number]),
        ):
            if found != expected:
                verdict.corrupted.append(f"{where}, {number}: {what} is {found!r} and not {expected!r}")
    return first


def _lasting(event):
    """The parts of an event that a repeat of its callback does not change; `time` may be when it was received."""
    return [pair for pair in event[1] if pair[0] not in ("recordedtime", "time", "traceparent")]


def _judge_order(entries, first, verdict, over_starts):
    """An event that was answered before the next callback of its call was posted stands before it, if one gateway
    answered both."""
    calls = {}
    for entry in entries:
        if entry.answered is not None:
            gateway = entry.instance if over_starts else entry.life
            calls.setdefault((entry.source, entry.call, gateway), []).append(entry)
    for (_, call, _), answered in calls.items():
        answered.sort(key=lambda entry: entry.step)
        for index, later in enumerate(answered):
            for former in answered[:index]:
                if former.answered > later.posted:
                    continue
                for one in former.events.keys() & first.keys():
                    for other in later.events.keys() & first.keys():
                        if not _stands_before(first[one], first[other]):
                            verdict.disordered.append(
                                f"{call}: {other} ({_told(later)}) stands before {one} ({_told(former)})"
                            )


def _told(entry):
    return f"step {entry.step}, by {entry.life}, durability {entry.durability}, {entry.attempts}"


def _stands_before(one, other):
    return (one.topic, one.partition) == (other.topic, other.partition) and one.offset < other.offset
