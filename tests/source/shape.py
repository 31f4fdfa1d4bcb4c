#!/usr/bin/env python3
"""Checks the shape of the source tree: length of files and functions, and words that do not belong in it.

  shape.py [ROOT]   prints file:line, rule and mending of each breach; exit 1 when there is one.

What is longer than the limit says why in a comment that contains "Long because": in the first lines of a file,
right above a function. Functions of C++ are found by counting braces, which is enough for formatted code.
"""

import ast
import pathlib
import re
import subprocess
import sys
from typing import Iterator

from layers import Finding

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
REASON = "Long because"
CODE = {".h", ".cc", ".py", ".sh", ".cmake"}
FOLDERS = ("libingress", "proxyd", "examples", "tests", "fuzz", "bench", "cmake", "scripts", "third_party")

# Spelled so that this file does not breach its own rule.
BANNED_WORDS = [
    (re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|wor[k])/(?:main|shared|\.)"), "path of one machine",
     "make it relative, or an option"),
    (re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b"), "unfinished", "finish it, or file an issue and describe the limit"),
]


def list_files(root: pathlib.Path) -> list[str]:
    """The files that git would commit; all files where ROOT is no checkout."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (root / ".git").exists():
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        return sorted(name for name in listed if name and (root / name).is_file())
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


NOT_CODE = re.compile(
    r'(?P<raw>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)")|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<separator>(?<=[0-9a-fA-F])'(?=[0-9a-fA-F]))|(?P<char>'(?:\\.|[^'\\\n])+')"
    r"|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|(?P<macro>^[ \t]*#(?:[^\n]*\\\n)*[^\n]*)",
    re.DOTALL | re.MULTILINE)


def blank_out(text: str) -> str:
    """`text` with comments, literals and preprocessor lines blanked; every line keeps its number."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


# The head of a scope whose braces hold declarations: no parameter list follows its keyword.
CONTAINER = re.compile(r"\b(?:namespace|class|struct|union|enum)\b[^()]*$|\bextern\s*$")
ACCESS_LABEL = re.compile(r"\s*\b(?:public|protected|private)\s*:(?!:)")


def list_cpp_functions(text: str) -> Iterator[tuple[int, int]]:
    """First and last line, counted from 1, of every function body that stands in a class or namespace."""
    code = blank_out(text)
    scopes = []  # per open brace: "container", "function" or "other"; with the place where its head began
    head = 0
    for place, char in ((match.start(), match[0]) for match in re.finditer(r"[{};]", code)):
        in_container = not scopes or scopes[-1][0] == "container"
        if char == ";":
            head = place + 1 if in_container else head
        elif char == "{":
            label = ACCESS_LABEL.match(code, head, place) if in_container else None
            head = label.end() if label else head
            before = code[head:place]
            kind = "other"
            if in_container and CONTAINER.search(before):
                kind = "container"
            elif in_container and "(" in before:
                kind = "function"
            scopes.append((kind, head))
            head = place + 1 if kind == "container" else head
        elif scopes:
            kind, start = scopes.pop()
            follows = code[place + 1:].lstrip()[:1]
            # `: a_{1}, b_{2} {` are members being initialised: the head goes on until the body.
            if kind == "function" and follows not in (",", "{"):
                start += len(code[start:]) - len(code[start:].lstrip())
                yield code.count("\n", 0, start) + 1, code.count("\n", 0, place) + 1
            if not scopes or scopes[-1][0] == "container":
                head = head if follows in (",", "{") else place + 1


def list_python_functions(text: str) -> Iterator[tuple[int, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno or node.lineno


def has_reason(lines: list[str], first: int) -> bool:
    """Whether the comment that ends right above line `first` gives one."""
    above = first - 2
    while above >= 0 and re.match(r"\s*(//|#|@)", lines[above]):
        if REASON in lines[above]:
            return True
        above -= 1
    return False


def check_lengths(path: str, text: str) -> Iterator[Finding]:
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES and not any(REASON in line for line in lines[:30]):
        yield Finding(path, len(lines), "file length", f"{len(lines)} lines, at most {MAX_FILE_LINES}: split by job")
    functions = list_python_functions if path.endswith(".py") else list_cpp_functions
    if not path.endswith((".py", ".h", ".cc")):
        return
    for first, last in functions(text):
        if last - first + 1 > MAX_FUNCTION_LINES and not has_reason(lines, first):
            yield Finding(path, first, "function length",
                          f'{last - first + 1} lines, at most {MAX_FUNCTION_LINES}: split it, or say "{REASON} ..."')


def check_words(path: str, text: str) -> Iterator[Finding]:
    for pattern, rule, mending in BANNED_WORDS:
        for match in pattern.finditer(text):
            yield Finding(path, text.count("\n", 0, match.start()) + 1, rule, f"{match[0]!r}: {mending}")


def check_tree(root: pathlib.Path) -> list[Finding]:
    findings = []
    for path in list_files(root):
        if path.startswith("fuzz/corpus/") or path == "LICENSE":
            continue
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        findings.extend(check_words(path, text))
        if pathlib.PurePath(path).suffix in CODE and path.startswith(FOLDERS):
            findings.extend(check_lengths(path, text))
    return findings


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} breaches of shape")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
