#!/usr/bin/env python3
"""Generates C++ and documentation from the event schema.

    generate.py SCHEMA [--header FILE] [--source FILE] [--docs FILE] [--check-docs FILE]

A mistake in the schema is one line `FILE:LINE: what, and what would be right` and exit status 2.
`--check-docs` compares instead of writing and exits with 1 when the file is out of date.
"""

import argparse
import os
import re
import sys
from dataclasses import dataclass, field

# Schema type -> (C++ type, FieldKind enumerator, default).
SCALARS = {
    "u8": ("std::uint8_t", "U8", "0"),
    "u16": ("std::uint16_t", "U16", "0"),
    "u32": ("std::uint32_t", "U32", "0"),
    "u64": ("std::uint64_t", "U64", "0"),
    "i64": ("std::int64_t", "I64", "0"),
    "bool": ("bool", "Bool", "false"),
    "time": ("Time", "Time", ""),
    "duration": ("Duration", "Duration", ""),
    "hex64": ("std::uint64_t", "Hex64", "0"),
    "text": ("std::string_view", "Text", ""),
    "bytes": ("Bytes", "Bytes", ""),
    "digest": ("Digest", "Digest", ""),
}

# What C++ or namespace traces already means by a name.
KEYWORDS = set("""
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class
co_await co_return co_yield compl concept const const_cast consteval constexpr
constinit continue decltype default delete do double dynamic_cast else enum explicit
export extern false float for friend goto if inline int long mutable namespace new
noexcept not not_eq nullptr operator or or_eq private protected public register
reinterpret_cast requires return short signed sizeof static static_assert static_cast
struct switch template this thread_local throw true try typedef typeid typename union
unsigned using virtual void volatile wchar_t while xor xor_eq""".split())
TAKEN_TYPES = set("""
ByteBuffer ByteCursor ByteReader ByteWriter Bytes CodecState Difference Digest
DigestStream Duration EnumInfo EnumValueInfo Event EventDecoder EventEncoder EventHash
EventInfo EventSet EventType FieldInfo FieldKind FieldValue LinePrinter NodeId
NodeNames Observer OwnedEvent PageSet Recorder ReplayComparer StreamComparer Time
TraceDiff TraceError TraceFooter TraceHeader TraceReader TraceWriter""".split())

MAX_EVENTS = 4096
MAX_FIELDS = 32
SNAKE = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"
PASCAL = r"[A-Z][A-Za-z0-9]*"
DOC = r'"([^"\\]*)"'


class SchemaError(Exception):
    """A mistake of the schema's author, with its line."""

    def __init__(self, line, text):
        super().__init__(text)
        self.line = line


@dataclass
class Field:
    name: str
    type: str
    doc: str
    line: int


@dataclass
class Event:
    name: str
    level: int
    doc: str
    section: str
    line: int
    fields: list = field(default_factory=list)

    @property
    def struct(self):
        return pascal(self.name)


@dataclass
class Enum:
    name: str
    doc: str
    line: int
    values: list = field(default_factory=list)  # (name, number)


@dataclass
class Schema:
    version: int = 0
    events: list = field(default_factory=list)
    enums: list = field(default_factory=list)


def pascal(name):
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", name))


# ------------------------------------------------------------------ reading


def read_schema(text):
    schema = Schema()
    section = ""
    event = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip()
        heading = re.fullmatch(r"# -{8,} (.+)", line)
        if heading:
            section = heading.group(1)
            continue
        if not line or line.startswith("#"):
            continue
        if "\t" in line:
            raise SchemaError(number, "tab character; indent fields with two spaces")
        if line.startswith(" "):
            if event is None:
                raise SchemaError(number, "field outside an event; start with "
                                          "'event area.name ...'")
            add_field(event, line, number)
            continue
        word = line.split(" ", 1)[0]
        event = None
        if word == "version":
            read_version(schema, line, number)
        elif word == "enum":
            add_enum(schema, line, number)
        elif word == "event":
            event = add_event(schema, line, number, section)
        else:
            raise SchemaError(number, f"'{word}' is not known; a line starts with version, enum, "
                                      "event, two spaces (a field) or #")
    check(schema)
    return schema


def read_version(schema, line, number):
    match = re.fullmatch(r"version ([1-9][0-9]{0,5})", line)
    if not match:
        raise SchemaError(number, "expected 'version N' with N from 1 to 999999")
    if schema.version:
        raise SchemaError(number, "version is given twice; keep one")
    schema.version = int(match.group(1))


def add_enum(schema, line, number):
    match = re.fullmatch(rf"enum (\S+) {DOC} =(.*)", line)
    if not match:
        raise SchemaError(number, "expected 'enum Name \"doc\" = a b c'")
    name, doc, values = match.groups()
    if not re.fullmatch(PASCAL, name):
        raise SchemaError(number, f"enum name '{name}' is not PascalCase")
    if name in TAKEN_TYPES:
        raise SchemaError(number, f"enum name '{name}' is taken by traces::{name}; choose another")
    for other in schema.enums:
        if other.name == name:
            raise SchemaError(number, f"enum '{name}' is already defined in line {other.line}")
    enum = Enum(name, doc, number)
    following = 0
    for word in values.split():
        value = re.fullmatch(rf"({SNAKE})(?::([0-9]+))?", word)
        if not value:
            raise SchemaError(number, f"enum value '{word}' is not of the form name or name:7")
        following = int(value.group(2)) if value.group(2) else following
        if following > 0xFFFFFFFF:
            raise SchemaError(number, f"enum value '{word}' does not fit 32 bits")
        for other_name, other_number in enum.values:
            if pascal(other_name) == pascal(value.group(1)):
                raise SchemaError(number, f"enum value '{value.group(1)}' is given twice")
            if other_number == following:
                raise SchemaError(number, f"enum values '{other_name}' and '{value.group(1)}' "
                                          f"are both {following}")
        enum.values.append((value.group(1), following))
        following += 1
    if not enum.values:
        raise SchemaError(number, f"enum '{name}' has no values")
    schema.enums.append(enum)


def add_event(schema, line, number, section):
    match = re.fullmatch(rf"event (\S+) (\S+) {DOC}", line)
    if not match:
        raise SchemaError(number, "expected 'event area.name LEVEL \"doc\"'")
    name, level, doc = match.groups()
    if not re.fullmatch(rf"{SNAKE}\.{SNAKE}", name):
        raise SchemaError(number, f"event name '{name}' is not of the form area.name in snake_case")
    if level not in ("0", "1"):
        raise SchemaError(number, f"level '{level}' is not 0 (always) or 1 (detail)")
    for other in schema.events:
        if other.name == name or other.struct == pascal(name):
            raise SchemaError(number, f"event '{name}' is already defined in line {other.line}"
                              + ("" if other.name == name else f" as '{other.name}'"))
    if len(schema.events) == MAX_EVENTS:
        raise SchemaError(number, f"more than {MAX_EVENTS} events")
    event = Event(name, int(level), doc, section, number)
    schema.events.append(event)
    return event


def add_field(event, line, number):
    match = re.fullmatch(rf"  (\S+) (\S+) {DOC}", line)
    if not match:
        raise SchemaError(number, "expected two spaces and 'field type \"doc\"'")
    name, type_name, doc = match.groups()
    if not re.fullmatch(SNAKE, name):
        raise SchemaError(number, f"field name '{name}' is not snake_case")
    if name in KEYWORDS:
        raise SchemaError(number, f"field name '{name}' is a C++ keyword; choose another")
    if any(other.name == name for other in event.fields):
        raise SchemaError(number, f"field '{name}' is given twice in event '{event.name}'")
    if len(event.fields) == MAX_FIELDS:
        raise SchemaError(number, f"event '{event.name}' has more than {MAX_FIELDS} fields")
    event.fields.append(Field(name, type_name, doc, number))


def check(schema):
    if not schema.version:
        raise SchemaError(1, "no version; add a line 'version 1'")
    if not schema.events:
        raise SchemaError(1, "no events")
    enums = {enum.name for enum in schema.enums}
    used = set()
    for event in schema.events:
        for item in event.fields:
            if item.type not in SCALARS and item.type not in enums:
                raise SchemaError(item.line, f"unknown type '{item.type}'; one of "
                                             f"{' '.join(SCALARS)} or an enum of this file")
            used.add(item.type)
    for enum in schema.enums:
        if enum.name not in used:
            raise SchemaError(enum.line, f"enum '{enum.name}' is used by no field; remove it")


def canonical(schema):
    """What decoding depends on and nothing else: a better comment keeps old traces readable."""
    lines = [f"version {schema.version}"]
    for enum in schema.enums:
        lines.append(f"enum {enum.name} " + " ".join(f"{n}:{v}" for n, v in enum.values))
    for event in schema.events:
        lines.append(f"event {event.name} {event.level} "
                     + " ".join(f"{f.name}:{f.type}" for f in event.fields))
    return [line.rstrip() for line in lines]


# ------------------------------------------------------------------ writing

BANNER = ("// Generated from traces/schema/events.schema by traces/schema/generate.py. "
          "Do not edit.\n")


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def member(item):
    if item.type in SCALARS:
        cpp, _, default = SCALARS[item.type]
        initial = f" = {default}" if default else "{}"
    else:
        cpp = f"traces::{item.type}"
        initial = "{}"
    return cpp, initial


def header(schema):
    fields = sum(len(event.fields) for event in schema.events)
    out = [BANNER, "#pragma once\n"]
    out += ["#include <cstddef>", "#include <cstdint>", "#include <string_view>\n",
            '#include "traces/events.hpp"\n', "namespace traces {\n",
            f"inline constexpr std::uint32_t kSchemaVersion = {schema.version};",
            f"inline constexpr std::size_t kEventTypeCount = {len(schema.events)};",
            "/// Fields of all events together.",
            f"inline constexpr std::size_t kFieldCount = {fields};\n"]
    for enum in schema.enums:
        out.append(f"/// {enum.doc}")
        out.append(f"enum class {enum.name} : std::uint32_t {{")
        out += [f"  {pascal(name)} = {value}," for name, value in enum.values]
        out.append("};")
        out.append(f"/// Name as in the schema; \"?\" for a number that is no value.\n"
                   f"std::string_view name_of({enum.name} value);\n")
    out.append("enum class EventType : std::uint16_t {")
    out += [f"  {event.struct} = {number}," for number, event in enumerate(schema.events)]
    out.append("};\nstd::string_view name_of(EventType type);\n")
    out.append("namespace ev {\n")
    firsts = {enum.name: f"traces::{enum.name}::{pascal(enum.values[0][0])}"
              for enum in schema.enums}
    for event in schema.events:
        out.append(f"/// {event.name}: {event.doc}")
        out.append(f"struct {event.struct} {{")
        out.append(f"  static constexpr EventType kType = EventType::{event.struct};")
        out.append(f"  static constexpr int kLevel = {event.level};")
        out.append(f"  static constexpr std::string_view kName = {quoted(event.name)};")
        for item in event.fields:
            cpp, initial = member(item)
            if item.type in firsts:
                initial = f" = {firsts[item.type]}"
            out.append(f"  {cpp} {item.name}{initial};  ///< {item.doc}")
        out.append("};\n")
    out.append("}  // namespace ev\n}  // namespace traces")
    return "\n".join(out) + "\n"


def source(schema):
    out = [BANNER, "#include <cstddef>", "#include <iterator>\n",
           '#include "traces/events.hpp"', '#include "traces/reflection.hpp"\n',
           "namespace traces {", "namespace {\n"]
    for enum in schema.enums:
        values = ", ".join(f"{{{quoted(n)}, {v}}}" for n, v in enum.values)
        out.append(f"constexpr EnumValueInfo k{enum.name}Values[] = {{{values}}};")
    numbers = {enum.name: number for number, enum in enumerate(schema.enums)}
    out.append("\nconstexpr EnumInfo kEnums[] = {")
    for enum in schema.enums:
        out.append(f"    {{{quoted(enum.name)}, {quoted(enum.doc)}, k{enum.name}Values}},")
    out.append("};\n")
    for event in schema.events:
        if not event.fields:
            continue
        out.append(f"constexpr FieldInfo k{event.struct}Fields[] = {{")
        for item in event.fields:
            kind = SCALARS[item.type][1] if item.type in SCALARS else "Enum"
            table = "nullptr" if item.type in SCALARS else f"&kEnums[{numbers[item.type]}]"
            out.append(f"    {{{quoted(item.name)}, {quoted(item.doc)}, FieldKind::{kind}, "
                       f"offsetof(ev::{event.struct}, {item.name}), {table}}},")
        out.append("};")
    out.append("\nconstexpr EventInfo kEvents[] = {")
    slot = 0
    for event in schema.events:
        fields = f"k{event.struct}Fields" if event.fields else "{}"
        out.append(f"    {{{quoted(event.name)}, {quoted(event.doc)}, "
                   f"EventType::{event.struct}, {event.level}, sizeof(ev::{event.struct}), {slot}, "
                   f"{fields}}},")
        slot += len(event.fields)
    out.append("};\n")
    out.append("constexpr std::string_view kSchemaText =")
    out.append("\n".join(f"    {quoted(line + chr(1))}".replace(chr(1), "\\n")
                         for line in canonical(schema)) + ";\n")
    out.append("}  // namespace\n")
    out.append("std::span<const EventInfo> all_events() { return kEvents; }")
    out.append("std::span<const EnumInfo> all_enums() { return kEnums; }")
    out.append("std::string_view canonical_schema() { return kSchemaText; }\n")
    for enum in schema.enums:
        table = f"kEnums[{numbers[enum.name]}]"
        out.append(f"std::string_view name_of({enum.name} value) {{\n"
                   f"  return {table}.name_of(static_cast<std::uint32_t>(value));\n}}")
    out.append("\n}  // namespace traces")
    return "\n".join(out) + "\n"


def cell(text):
    return text.replace("|", "\\|")


def docs(schema):
    out = ["# Events of a world\n",
           "Generated from `traces/schema/events.schema` by `traces/schema/generate.py`; do not "
           "edit. The test `events-docs` fails when this file is out of date.\n",
           f"Schema version {schema.version}. Every event also carries its virtual time and its "
           "node. Level 0 is always emitted and covered by the hash of a run; level 1 is detail "
           "that can be switched off.\n"]
    section = None
    for event in schema.events:
        if event.section != section:
            section = event.section
            out.append(f"## {section[:1].upper()}{section[1:]}\n")
        out.append(f"### {event.name}\n")
        out.append(f"{event.doc} Level {event.level}.\n")
        if event.fields:
            out.append("| field | type | meaning |\n|---|---|---|")
            for item in event.fields:
                link = f"[{item.type}](#{item.type.lower()})"
                shown = item.type if item.type in SCALARS else link
                out.append(f"| {item.name} | {shown} | {cell(item.doc)} |")
            out.append("")
    out.append("## Enumerations\n")
    for enum in sorted(schema.enums, key=lambda e: e.name):
        out.append(f"### {enum.name}\n")
        out.append(f"{enum.doc}\n")
        out.append("| value | number |\n|---|---|")
        out += [f"| {name} | {value} |" for name, value in enum.values]
        out.append("")
    return "\n".join(out).rstrip("\n") + "\n"


# ------------------------------------------------------------------ command line


def write(path, text):
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8", newline="\n") as out:
        out.write(text)
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(
        description="Generates C++ and documentation from the event schema.")
    parser.add_argument("schema")
    parser.add_argument("--header")
    parser.add_argument("--source")
    parser.add_argument("--docs")
    parser.add_argument("--check-docs")
    arguments = parser.parse_args()
    try:
        with open(arguments.schema, encoding="utf-8") as file:
            schema = read_schema(file.read())
    except SchemaError as error:
        print(f"{arguments.schema}:{error.line}: {error}", file=sys.stderr)
        return 2
    except (OSError, UnicodeDecodeError) as error:
        print(f"{arguments.schema}:1: cannot be read: {error}", file=sys.stderr)
        return 2
    for path, make in ((arguments.header, header), (arguments.source, source),
                       (arguments.docs, docs)):
        if path:
            write(path, make(schema))
    if arguments.check_docs:
        with open(arguments.check_docs, encoding="utf-8") as file:
            if file.read() != docs(schema):
                print(f"{arguments.check_docs}:1: out of date; run traces/schema/generate.py "
                      f"{arguments.schema} --docs {arguments.check_docs}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
