"""What `merge` makes of the histories of several programs."""

import json
import tempfile
import unittest
from pathlib import Path

from merge import merge


class Merge(unittest.TestCase):
    def test_lines_of_all_programs_stand_in_the_order_of_time(self):
        lines, _ = merged([invoke(5, 1), ok(9, 1)], [invoke(2, 1), ok(7, 1)])
        self.assertEqual([line["at_us"] for line in lines], [0, 3, 5, 7])

    def test_operations_of_two_programs_are_two_whatever_they_call_them(self):
        lines, _ = merged([invoke(1, 1), ok(4, 1)], [invoke(2, 1), ok(3, 1)])
        self.assertEqual([line["op"] for line in lines], [1, 2, 2, 1])

    def test_what_has_the_same_time_overlaps(self):
        lines, _ = merged([invoke(1, 1), ok(2, 1)], [invoke(2, 1), ok(3, 1)])
        self.assertEqual([line["type"] for line in lines], ["invoke", "invoke", "ok", "ok"])

    def test_a_send_of_which_some_records_failed_is_a_send_for_each_outcome(self):
        send = invoke(1, 1, values=[10, 11, 12, 13])
        lines, _ = merged([send, {"type": "sent", "op": 1, "at_ns": 2000, "outcomes": [7, 8, "fail", "unknown"]}])
        self.assertEqual([line["values"] for line in lines[:3]], [[10, 11], [12], [13]])
        self.assertEqual([(line["type"], line["op"]) for line in lines[3:]], [("ok", 1), ("fail", 2), ("unknown", 3)])
        self.assertEqual(lines[3]["offsets"], [7, 8])

    def test_an_operation_of_a_program_that_was_killed_has_no_outcome(self):
        lines, _ = merged([invoke(1, 1)], cut='{"type":"ok","op":1')
        self.assertEqual([line["type"] for line in lines], ["invoke"])

    def test_notes_are_no_part_of_the_history(self):
        lines, notes = merged([{"type": "note", "process": 3, "what": "fenced", "at_ns": 1}, {"type": "note", "process": 3, "what": "left", "at_ns": 2}])
        self.assertEqual((lines, notes), ([], {3: ["fenced", "left"]}))


def invoke(at_us, op, **rest):
    return {"type": "invoke", "op": op, "at_ns": at_us * 1000, **rest}


def ok(at_us, op):
    return {"type": "ok", "op": op, "at_ns": at_us * 1000}


def merged(*programs, cut=""):
    """The history of programs that wrote these lines; the last one was killed while it wrote `cut`."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / str(number) for number in range(len(programs))]
        for path, lines in zip(paths, programs):
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with paths[-1].open("a") as file:
            file.write(cut)
        return merge(paths)


if __name__ == "__main__":
    unittest.main()
