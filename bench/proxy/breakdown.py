"""Which part of proxyd the user instructions of a request are spent in, from callgrind's output files.

A function belongs to the module of its namespace; what the compiler put into its caller counts as the caller's.
"""

import collections
import dataclasses
import pathlib
import re

from figures import per_request

# The first that matches "function\tobject" names the part.
PARTS = [
    (r"^llhttp", "llhttp (parsing)"),
    (r"\t\S*libllhttp", "llhttp (parsing)"),
    (r"\t\S*libuv", "libuv (event loop)"),
    (r"\t\S*libmimalloc", "malloc"),
    (r"^(mi_|_mi_)", "malloc"),
    (r"\t\S*(libc\.so|libc-|ld-linux|libpthread)", "libc (copies, system calls, clock)"),
    (r"\t\S*libstdc", "libstdc++"),
    (r"ingress::(net|http|proxy|upstream|routing|policy|base|config|tls)::", r"ingress::\1"),
    (r"ingress::", "ingress (public types)"),
    (r"proxyd::", "proxyd"),
    (r"^std::", "std (not of one module)"),
    # C functions of the program itself; the parser's were named above.
    (r"^bssl::", "BoringSSL"),
    (r"\t\S*/proxyd$", "BoringSSL"),
]
OTHER = "other"


class Names:
    """The short forms of names: "(7) name" defines, "(7)" repeats."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def read(self, text: str) -> str:
        found = re.match(r"\((\d+)\)(?: (.*))?$", text)
        if not found:
            return text
        if found[2] is not None:
            self.known[found[1]] = found[2]
        return self.known[found[1]]


def read_functions(text: str) -> collections.Counter:
    """Instructions by (function, object), without those of the functions that they call."""
    functions, objects = Names(), Names()
    costs: collections.Counter = collections.Counter()
    function = current_object = ""
    is_call = False  # the next line is what a call cost, which is counted in the callee
    for line in text.split("\n"):
        key, _, value = line.partition("=")
        if key == "fn":
            function = functions.read(value)
        elif key == "ob":
            current_object = objects.read(value)
        elif key == "cfn":
            functions.read(value)
        elif key == "cob":
            objects.read(value)
        elif key == "calls":
            is_call = True
        elif re.match(r"[+\-*\d]", line):
            fields = line.split()
            if not is_call and len(fields) > 1:
                costs[function, current_object] += int(fields[1])
            is_call = False
    return costs


def short_name(function: str) -> str:
    """Without result type, template arguments and parameters."""
    name = function.replace("(anonymous namespace)::", "").split("(")[0]
    while re.search(r"<[^<>]*>", name):
        name = re.sub(r"<[^<>]*>", "", name)
    return name.split(" ")[-1]


def last_name(function: str) -> str:
    """Class and function, or the function alone."""
    return "::".join(short_name(function).split("::")[-2:])


def part_of(function: str, current_object: str) -> str:
    text = f"{short_name(function)}\t{current_object}"
    for pattern, name in PARTS:
        found = re.search(pattern, text)
        if found:
            return found.expand(name)
    return OTHER


@dataclasses.dataclass(frozen=True)
class Part:
    """Instructions per request of one part, and its functions, the largest first."""
    name: str
    instructions: float
    functions: list[tuple[str, float]]


def per_request_by_part(short: tuple[int, pathlib.Path], long: tuple[int, pathlib.Path]) -> list[Part]:
    """The parts, the largest first, from two runs: (requests, file of callgrind)."""
    few, many = (read_functions(path.read_text(errors="replace")) for _, path in (short, long))
    functions: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for key in many:
        rate = per_request((short[0], few[key]), (long[0], many[key]))
        functions[part_of(*key)][last_name(key[0])] += rate
    parts = [Part(name, sum(rates.values()), rates.most_common()) for name, rates in functions.items()]
    return sorted(parts, key=lambda part: -part.instructions)
