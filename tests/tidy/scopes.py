"""Which variables C++ code defines at namespace scope, by its braces alone."""

import re

DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
# What begins a statement that defines no variable, or one that the word itself judges.
NO_VARIABLE = re.compile(
    r"(?:using|typedef|static_assert|namespace|template|friend|extern|class|struct|enum|union|"
    r"concept|return|asm|static|constexpr|consteval|thread_local|public|private|protected|default|"
    r"inline\s+(?:static|constexpr|const)|const\s+(?:static|constexpr))\b")
VARIABLE = re.compile(r"(?:\[\[[^\]]*\]\]\s*)?[\w:]+[\w:<>,\s*&]*?[\s*&>]\w+\s*"
                      r"(?:\[[^\]]*\]\s*)*(?:=.*|\{.*\})?", re.DOTALL)
MUTABLE_POINTER = re.compile(r"\*\s*\w+\s*(?:\[[^\]]*\]\s*)*$")


def is_mutable(statement):
    """Whether a statement at namespace scope defines a variable that can change."""
    statement = statement.strip().removeprefix("__extension__").lstrip()
    if not statement or NO_VARIABLE.match(statement):
        return False
    head = re.split(r"=(?!=)|\{", statement, maxsplit=1)[0]
    if "(" in head or "operator" in head:
        return False  # a function
    if not VARIABLE.fullmatch(statement):
        return False
    return not re.search(r"\b(?:const|constexpr)\b", head) or bool(MUTABLE_POINTER.search(head))


def mutable_globals(code):
    """Offsets of the definitions in `code`, which has no comments and strings any more."""
    code = DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), code)
    found = []
    start = 0  # of the statement
    parentheses = 0
    braces = []  # of each open one: does the statement go on behind it?
    spaces = 0   # namespaces that are open
    for offset, letter in enumerate(code):
        if letter == "(":
            parentheses += 1
        elif letter == ")":
            parentheses -= 1
        elif letter == "{" and parentheses == 0:
            head = code[start:offset]
            if not braces and opens_namespace(head):
                spaces += 1
                start = offset + 1
            else:
                braces.append(goes_on(head))
        elif letter == "}" and parentheses == 0:
            if not braces:
                spaces -= 1
                start = offset + 1
            elif not braces.pop() and not braces:
                start = offset + 1
        elif letter == ";" and parentheses == 0 and not braces:
            if is_mutable(code[start:offset]):
                found.append(start + len(code[start:offset]) - len(code[start:offset].lstrip()))
            start = offset + 1
    return found


def opens_namespace(head):
    return bool(re.search(r"\bnamespace\b[\w:\s]*$|\bextern\s*$", head))


def goes_on(head):
    """Behind the brace of an initialiser or a class more may come; behind a function nothing."""
    head = re.sub(r"\btemplate\s*<[^{}]*?>\s*(?=\w)", "", head)
    if re.search(r"(?<![=!<>])=(?!=)", re.sub(r"\([^()]*\)", "", head)) and "operator" not in head:
        return True
    # Between the initialisers of a constructor, and its body.
    of_constructor = not head.strip() or head.lstrip().startswith(",")
    return ")" not in head and not of_constructor
