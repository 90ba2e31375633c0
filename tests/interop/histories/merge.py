"""Makes one history, as docs/checker.md describes it, of what several programs wrote down (clients/history.py).

Lines are sorted by their time and operations numbered anew. A send of which some records have another outcome than others becomes
several sends that began at the same time.
"""

import json
from itertools import groupby

# What has the same time is told as if it had overlapped.
RANKS = {"invoke": 0, "event": 1}


def merge(paths):
    """-> the history's lines, and the notes: {process: [what]}."""
    notes, lines = {}, []
    for number, path in enumerate(paths):
        of_file = [json.loads(line) for line in whole_lines(path)]
        for line in of_file:
            if line["type"] == "note":
                notes.setdefault(line["process"], []).append(line["what"])
        lines += renamed(number, [line for line in of_file if line["type"] != "note"])
    lines.sort(key=lambda line: (line["at_ns"], RANKS.get(line["type"], 2)))
    return numbered(lines), notes


def whole_lines(path):
    """Of a program that was killed the last one may be cut short."""
    with open(path) as file:
        return [line for line in file if line.endswith("\n")]


def renamed(number, lines):
    """Operations have names that are unique among all files, and each has one outcome."""
    parts = {line["op"]: split(line["outcomes"]) for line in lines if line["type"] == "sent"}
    for line in lines:
        if "op" not in line:
            yield line
            continue
        of_op = parts.get(line["op"])
        if of_op is None:
            yield line | {"op": (number, line["op"], 0)}
            continue
        begin = 0
        for part, (kind, outcomes) in enumerate(of_op):
            name = (number, line["op"], part)
            if line["type"] == "invoke":
                yield line | {"op": name, "values": line["values"][begin:begin + len(outcomes)]}
            else:
                yield {"type": kind, "op": name, "at_ns": line["at_ns"]} | ({"offsets": outcomes} if kind == "ok" else {})
            begin += len(outcomes)


def split(outcomes):
    """Stretches with the same kind of outcome: [(type, outcomes)]."""
    def kind(outcome):
        return "ok" if isinstance(outcome, int) else outcome

    return [(of_kind, list(stretch)) for of_kind, stretch in groupby(outcomes, kind)]


def numbered(lines):
    numbers, result = {}, []
    begin_ns = lines[0]["at_ns"] if lines else 0
    for line in lines:
        at_ns = line.pop("at_ns")
        if "op" in line:
            line["op"] = numbers.setdefault(line["op"], len(numbers) + 1)
        result.append(line | {"at_us": (at_ns - begin_ns) // 1000})
    return result


def write(lines, path):
    with open(path, "w") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
