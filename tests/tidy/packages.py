"""What `./dev` installs and what the README's table says a build needs are the same."""

import os
import re

from source import Finding

LISTS = re.compile(r"^\w+_packages=\((.*?)\)[ \t]*(?:#[^\n]*)?$", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| *([a-z0-9][^|]*?) *\|")


def installed(script):
    """Package -> line of the script, from 1."""
    found = {}
    for match in LISTS.finditer(script):
        first = script.count("\n", 0, match.start(1)) + 1
        for index, line in enumerate(match.group(1).split("\n")):
            for package in line.split("#")[0].split():
                found[package] = first + index
    return found


def described(page):
    """Package -> line of the page, from the table below its heading."""
    found = {}
    inside = False
    for number, line in enumerate(page.split("\n"), 1):
        if line.startswith("#"):
            inside = line == "## Packages"
        row = ROW.match(line)
        if inside and row and row.group(1) != "package":
            for package in row.group(1).split(", "):
                found[package] = number
    return found


def check(root):
    def read(name):
        with open(os.path.join(root, name), encoding="utf-8") as file:
            return file.read()

    script = installed(read("dev"))
    page = described(read("README.md"))
    return ([Finding("dev", line, f"{package} is missing in README.md's table of packages")
             for package, line in script.items() if package not in page] +
            [Finding("README.md", line, f"{package} is not installed by ./dev")
             for package, line in page.items() if package not in script])
