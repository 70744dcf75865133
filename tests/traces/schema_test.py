#!/usr/bin/env python3
"""The generator refuses every mistake in a schema with one line that names the place."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "traces" / "schema" / "generate.py"

GOOD = """version 1
enum Colour "Paint." = red blue:7 green
event house.painted 0 "A house."
  colour Colour "paint"
  cost u64 "coins"
"""


def generate(text, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        schema = pathlib.Path(folder) / "events.schema"
        schema.write_text(text, encoding="utf-8")
        run = subprocess.run([sys.executable, str(GENERATOR), str(schema)]
                             + [a.format(folder) for a in arguments],
                             capture_output=True, text=True, check=False)
        written = {path.name: path.read_text(encoding="utf-8")
                   for path in pathlib.Path(folder).iterdir() if path != schema}
        return run.returncode, run.stderr.replace(str(schema), "S"), written


class Mistakes(unittest.TestCase):
    def refused(self, text, line, phrase):
        status, errors, written = generate(text, "--header", "{}/h", "--source", "{}/s")
        self.assertEqual(status, 2, errors)
        self.assertEqual(errors.count("\n"), 1, errors)
        self.assertTrue(errors.startswith(f"S:{line}: "), errors)
        self.assertIn(phrase, errors)
        self.assertEqual(written, {})

    def changed(self, old, new):
        self.assertIn(old, GOOD)
        return GOOD.replace(old, new)

    def test_good_schema_is_accepted(self):
        status, errors, written = generate(GOOD, "--header", "{}/h", "--source", "{}/s",
                                           "--docs", "{}/d")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(sorted(written), ["d", "h", "s"])
        self.assertIn("Green = 8,", written["h"])
        self.assertIn("struct HousePainted {", written["h"])
        self.assertIn("| cost | u64 | coins |", written["d"])

    def test_version(self):
        self.refused(self.changed("version 1", "version one"), 1, "version N")
        self.refused(self.changed("version 1\n", ""), 1, "no version")
        self.refused(GOOD + "version 2\n", 6, "twice")

    def test_unknown_lines(self):
        self.refused(GOOD + "evnt a.b 0 \"x\"\n", 6, "'evnt' is not known")
        self.refused(GOOD + "\tcost u8 \"x\"\n", 6, "tab")
        self.refused("version 1\n  cost u8 \"x\"\n", 2, "outside an event")

    def test_events(self):
        self.refused(GOOD + "event painted 0 \"x\"\n", 6, "area.name")
        self.refused(GOOD + "event House.painted 0 \"x\"\n", 6, "area.name")
        self.refused(GOOD + "event house.sold 2 \"x\"\n", 6, "level '2'")
        self.refused(GOOD + "event house.sold 0 no quotes\n", 6, "LEVEL")
        self.refused(GOOD + "event house.painted 1 \"x\"\n", 6, "already defined in line 3")
        self.refused(GOOD + "event a.b_c 0 \"x\"\nevent a_b.c 0 \"x\"\n", 7, "as 'a.b_c'")
        self.refused("version 1\n", 1, "no events")

    def test_fields(self):
        self.refused(self.changed("cost u64", "cost u63"), 5, "unknown type 'u63'")
        self.refused(self.changed("cost u64", "Cost u64"), 5, "snake_case")
        self.refused(self.changed("cost u64", "double u64"), 5, "keyword")
        self.refused(GOOD + "  cost u8 \"again\"\n", 6, "given twice")
        self.refused(GOOD + "   more u8 \"three spaces\"\n", 6, "two spaces")
        self.refused(self.changed('u64 "coins"', "u64"), 5, "field type")
        many = "".join(f"  f{i} u8 \"x\"\n" for i in range(40))
        self.refused(GOOD + many, 36, "more than 32 fields")

    def test_enumerations(self):
        self.refused(self.changed("Colour \"", "colour \""), 2, "PascalCase")
        self.refused(self.changed("green", "red"), 2, "given twice")
        self.refused(self.changed("green", "green:0"), 2, "both 0")
        self.refused(self.changed("green", "Green"), 2, "not of the form")
        self.refused(self.changed("green", "green:4294967296"), 2, "32 bits")
        self.refused(self.changed(" red blue:7 green", ""), 2, "no values")
        self.refused(self.changed("enum Colour", "enum Time"), 2, "taken")
        self.refused(GOOD + "enum Shape \"x\" = round\n", 6, "used by no field")
        self.refused(GOOD + "enum Colour \"x\" = round\n", 6, "already defined in line 2")

    def test_missing_file(self):
        run = subprocess.run([sys.executable, str(GENERATOR), "/nonexistent.schema"],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 2)
        self.assertTrue(run.stderr.startswith("/nonexistent.schema:1: cannot be read"), run.stderr)


class Identity(unittest.TestCase):
    """Comments do not make another schema; whatever decoding depends on does."""

    def schema_text(self, text):
        status, errors, written = generate(text, "--source", "{}/s")
        self.assertEqual(status, 0, errors)
        return written["s"].split("kSchemaText =")[1].split(";")[0]

    def test_identity(self):
        base = self.schema_text(GOOD)
        self.assertEqual(base, self.schema_text("# note\n" + GOOD.replace("coins", "euros")))
        for old, new in (("u64", "u32"), ("cost", "price"), ("blue:7", "blue:6"),
                         ("painted 0", "painted 1"), ("version 1", "version 2")):
            self.assertNotEqual(base, self.schema_text(GOOD.replace(old, new)), old)

    def test_docs_out_of_date_are_named(self):
        with tempfile.NamedTemporaryFile("w", suffix=".md") as old:
            old.write("# Old\n")
            old.flush()
            status, errors, _ = generate(GOOD, "--check-docs", old.name)
        self.assertEqual(status, 1)
        self.assertIn("out of date", errors)


if __name__ == "__main__":
    unittest.main()
