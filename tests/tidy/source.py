"""What every check needs: the files of a tree, and C++ without comments and strings."""

import os
import re
from dataclasses import dataclass

CODE = (".cpp", ".hpp", ".c", ".h", ".S", ".py", ".build", ".sh", ".schema", ".ld")
C_FAMILY = (".cpp", ".hpp", ".c", ".h")
TEXT = CODE + (".md", ".yaml", ".yml", ".json", ".txt", ".in", ".options", "")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def files(root, suffixes):
    """Paths below `root`, relative and sorted. Build trees and git's own folder are left out."""
    found = []
    for folder, names, leaves in os.walk(root):
        here = os.path.relpath(folder, root)
        names[:] = sorted(name for name in names if not skipped(here, name))
        for leaf in sorted(leaves):
            if os.path.splitext(leaf)[1] in suffixes:
                found.append(os.path.normpath(os.path.join(here, leaf)))
    return found


def skipped(here, name):
    if name == "__pycache__":
        return True
    return here == "." and (name.startswith("build") or (name[0] == "." and name != ".ci"))


def read(root, path):
    """The text, or nothing when the file is not text."""
    with open(os.path.join(root, path), "rb") as file:
        content = file.read()
    if b"\0" in content:
        return ""
    return content.decode("utf-8", errors="replace")


TOKEN = re.compile(
    r'''//[^\n]*|/\*.*?\*/|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'''
    r'''|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+\'''',
    re.DOTALL)


def without_comments(text, keep_strings=False):
    """The same lines, with comments (and, unless kept, literals) blanked out."""

    def blank(match):
        token = match.group(0)
        if keep_strings and not token.startswith("/"):
            return token
        return "".join("\n" if letter == "\n" else " " for letter in token)

    return TOKEN.sub(blank, text)


def explained(lines, index, mark):
    """Whether line `index` carries `// mark ...`, or the comment right above it does."""
    if mark in lines[index]:
        return True
    index -= 1
    while index >= 0 and lines[index].lstrip().startswith("//"):
        if mark in lines[index]:
            return True
        index -= 1
    return False
