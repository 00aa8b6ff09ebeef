"""Whether a trace is one that Perfetto opens.

The rules are those of "Trace Event Format" (Google, 2016), as far as the trace uses it, and those by which Perfetto imports
it: the slices of a track nest.
"""
import collections
import sys

MEMBERS = {"M": {"name", "args"}, "B": {"name", "tid", "ts"}, "E": {"name", "tid", "ts"}, "X": {"name", "tid", "ts", "dur"},
           "b": {"name", "cat", "id", "ts"}, "e": {"name", "cat", "id", "ts"}, "i": {"name", "tid", "ts", "s"}}


def expect(condition, *what):
    if not condition:
        sys.exit(" ".join(map(str, what)))


def check_format(events):
    """Every event has the members of its phase; begin and end pair up on each track; whole slices do not overlap."""
    named = {event["tid"] for event in events if event["name"] == "thread_name"}
    nested, last, until = collections.defaultdict(list), collections.defaultdict(float), collections.defaultdict(float)
    asynchronous = {}
    for event in events:
        phase = event["ph"]
        expect(event["pid"] == 1 and MEMBERS[phase] <= event.keys(), "incomplete:", event)
        if phase == "M":
            continue
        track = event["tid"]
        expect(event["ts"] >= 0 and track in named, "outside of time or tracks:", event)
        if phase in "BE":
            expect(event["ts"] >= last[track], "goes back in time:", event)
            last[track] = event["ts"]
        if phase == "B":
            nested[track].append(event["name"])
        elif phase == "E":
            expect(nested[track] and nested[track].pop() == event["name"], "ends what did not begin last:", event)
        elif phase == "b":
            expect(event["id"] not in asynchronous, "begins twice:", event)
            asynchronous[event["id"]] = event["name"]
        elif phase == "e":
            expect(asynchronous.pop(event["id"], None) == event["name"], "ends what did not begin:", event)
        elif phase == "X":
            expect(event["dur"] > 0 and event["ts"] >= until[track] - 1e-4, "overlaps:", event)
            until[track] = event["ts"] + event["dur"]
    expect(not asynchronous and not any(nested.values()), "left open:", asynchronous, dict(nested))
