"""Names in anonymous namespaces are their library's: a joined build puts several files into one.

Two functions of one name are two names where their parameters have other types, and two aliases of
one name and one type are one.
"""

import os
import re

from scopes import DIRECTIVE, goes_on
from source import Finding, files, read, without_comments

NAMESPACE = re.compile(r"\bnamespace\b\s*(?P<name>[\w:]*)\s*$")
TYPE = re.compile(r"(?:template\s*<.*?>\s*)?(?:class|struct|union|enum(?:\s+(?:class|struct))?)\s+"
                  r"(?:alignas\s*\([^)]*\)\s*)?(?P<name>\w+)(?!\s*::)(?=[\s:{;]|final|$)",
                  re.DOTALL)
ALIAS = re.compile(r"(?:template\s*<.*?>\s*)?using\s+(?P<name>\w+)\s*=")
CONCEPT = re.compile(r"template\s*<.*?>\s*concept\s+(?P<name>\w+)", re.DOTALL)
FUNCTION = re.compile(r"[\w:<>,&*\s\]]*[\s*&>](?P<name>\w+)\s*\((?P<parameters>.*)\)\s*"
                      r"(?:const|noexcept|->.*|\s)*$", re.DOTALL)
VARIABLE = re.compile(r".*?(?P<name>\w+)\s*(?:\[[^\]]*\]\s*)*$", re.DOTALL)
NO_NAME = re.compile(r"\s*(?:using\s+(?!\w+\s*=)|namespace\b|static_assert\b|friend\b|extern\b|$)")


TARGET = re.compile(r"\b(?:static_library|library|executable)\s*\(")
SOURCE = re.compile(r"'([\w./-]+\.cpp)'")


def targets_of(root):
    """For each source that a meson.build names: the libraries and programs that it is part of."""
    targets = {}
    for path in files(root, (".build",)):
        folder = os.path.dirname(path)
        text = re.sub(r"#.*", "", read(root, path))
        for call in TARGET.finditer(text):
            depth, end = 1, call.end()
            while depth and end < len(text):
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            for source in SOURCE.findall(text[call.end():end]):
                where = os.path.normpath(os.path.join(folder, source))
                targets.setdefault(where, set()).add((path, call.start()))
    return targets


def check(root):
    """One finding for each definition of a name that another source of its library or program has
    as well. A source that no meson.build names counts as its folder's."""
    seen = {}
    targets = targets_of(root)
    for path in files(root, (".cpp",)):
        code = without_comments(read(root, path))
        for key, alias, offset in anonymous_names(code):
            line = code.count("\n", 0, offset) + 1
            for target in targets.get(path, {(os.path.dirname(path), 0)}):
                seen.setdefault((target, *key), {}).setdefault(path, (line, alias))
    findings = []
    for place, places in seen.items():
        (first, (_, meant)), *others = sorted(places.items())
        for path, (line, alias) in others:
            if alias is None or alias != meant:
                findings.append(Finding(path, line, f"`{place[2]}` is in an anonymous namespace "
                                                    f"of {first} too: joined, they are one file"))
    return findings


def anonymous_names(code):
    """What stands in namespaces without a name: (namespaces around it, name, parameters), what an
    alias stands for, and the offset."""
    code = DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), code)
    found = []
    spaces = []  # names of the namespaces that are open
    braces = []  # of each other open one: does the statement go on behind it?
    start = 0
    parentheses = 0

    def take(end):
        statement = code[start:end]
        key = key_of(statement) if "" in spaces else None
        if key:
            where = "::".join(spaces)
            offset = start + len(statement) - len(statement.lstrip())
            alias = ALIAS.match(statement.strip())
            found.append(((where, *key), alias and statement.split("=")[1].strip(), offset))

    for offset, letter in enumerate(code):
        if letter == "(":
            parentheses += 1
        elif letter == ")":
            parentheses -= 1
        elif parentheses != 0:
            continue
        elif letter == "{":
            head = code[start:offset]
            space = NAMESPACE.search(head)
            if space and not braces:
                spaces.append(space["name"])
                start = offset + 1
            else:
                if not braces and not goes_on(head):
                    take(offset)
                braces.append(goes_on(head))
        elif letter == "}":
            if not braces:
                if spaces:
                    spaces.pop()
                start = offset + 1
            elif not braces.pop() and not braces:
                start = offset + 1
        elif letter == ";" and not braces:
            take(offset)
            start = offset + 1
    return found


def key_of(statement):
    """Name and parameter types; None for what gives nothing a name, and for declarations."""
    statement = re.sub(r"\[\[.*?\]\]", " ", statement).strip()
    if NO_NAME.match(statement):
        return None
    for pattern in (CONCEPT, ALIAS, TYPE):
        match = pattern.match(statement)
        if match:
            return match["name"], None
    head = before_value(statement).strip()
    function = FUNCTION.match(head)
    if function:
        return function["name"], types_of(function["parameters"])
    variable = VARIABLE.match(head)
    return (variable["name"], None) if variable else None


def before_value(statement):
    """Up to its first = or { outside of parentheses."""
    depth = 0
    for offset, letter in enumerate(statement):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter in "={" and depth == 0:
            return statement[:offset]
    return statement


def types_of(parameters):
    """The parameters without their own names, as one text."""
    types = []
    depth = 0
    one = ""
    for letter in parameters + ",":
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(letter, 0)
        if letter != "," or depth > 0:
            one += letter
            continue
        one = one.split("=")[0].strip()
        named = re.match(r"(.*[\s*&>])\w+$", one, re.DOTALL)
        types.append(" ".join((named[1] if named else one).split()))
        one = ""
    return ", ".join(types)
