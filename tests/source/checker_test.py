#!/usr/bin/env python3
"""The checkers of this folder find each kind of breach in a tiny bad tree, at its line, and nothing in a good one."""

import pathlib
import tempfile
import unittest

import layers
import shape

GOOD = {
    "libingress/include/ingress/error.h": "#include <string>\n",
    "libingress/include/ingress/config.h": '#include "ingress/error.h"\n',
    "libingress/src/base/text.h": "#include <string_view>\n",
    "libingress/src/base/text.cc": '#include "base/text.h"\n#include <fmt/format.h>\n#include <unistd.h>\n',
    "libingress/src/net/loop.cc": '#include <uv.h>\n#include "base/text.h"\n',
    "libingress/src/tls/pem.h": '#include <openssl/base.h>\n#include "base/text.h"\n',
    "libingress/src/net/CMakeLists.txt": "ingress_module(net SOURCES loop.cc DEPS base LIBS PkgConfig::libuv)\n",
    "libingress/controller/store.h": '#include "ingress/config.h"\n',
    "proxyd/main.cc": '#include "controller/store.h"\n#include "ingress/config.h"\n#include <CLI/CLI.hpp>\n',
    "examples/echo/main.cc": "#include <ingress/config.h>\n#include <iostream>\n",
}

# path, text, line, rule: each breaks one rule once.
BAD_INCLUDES = [
    ("libingress/src/base/a.h", '\n#include "net/loop.h"\n', 2, "layer"),
    ("libingress/src/http/a.cc", '#include "ingress/config.h"\n', 1, "layer"),
    ("libingress/src/config/a.cc", '// why\n#include "controller/store.h"\n', 2, "layer"),
    ("libingress/controller/a.cc", '#include "net/loop.h"\n', 1, "layer"),
    ("libingress/src/mystery/a.h", "#include <string>\n", 1, "layer"),
    ("proxyd/a.cc", '#include "base/text.h"\n', 1, "layer"),
    ("examples/echo/a.cc", '#include "controller/store.h"\n', 1, "layer"),
    ("libingress/src/base/CMakeLists.txt", "ingress_module(base SOURCES a.cc\n  DEPS net LIBS fmt::fmt)\n", 1, "layer"),
    ("libingress/include/ingress/config.h", '#include "ingress/loop.h"\n', 1, "layer"),
    ("libingress/include/ingress/loop.h", "#include <uv.h>\n", 1, "public header"),
    ("libingress/include/ingress/loop.h", "#include <sys/uio.h>\n", 1, "public header"),
    ("libingress/include/ingress/loop.h", '#include "net/loop.h"\n', 1, "public header"),
    ("libingress/include/ingress/fresh.h", "#include <string>\n", 1, "public header"),
    ("libingress/src/http/a.cc", "#include <uv.h>\n", 1, "third party"),
    ("libingress/src/net/a.cc", "#include <llhttp.h>\n", 1, "third party"),
    ("libingress/src/net/a.cc", "#include <openssl/ssl.h>\n", 1, "third party"),
    ("libingress/src/proxy/a.cc", "#include <openssl/x509.h>\n", 1, "third party"),
    ("proxyd/a.cc", "#include <openssl/ssl.h>\n", 1, "third party"),
    ("libingress/include/ingress/loop.h", "#include <openssl/base.h>\n", 1, "public header"),
    ("libingress/src/config/a.cc", "#  include <yaml-cpp/yaml.h>\n", 1, "third party"),
    ("libingress/src/proxy/a.cc", "#include <prometheus/counter.h>\n", 1, "third party"),
    ("libingress/src/base/a.h", "#include <fmt/format.h>\n", 1, "third party"),
    ("libingress/src/base/a.cc", "#include <iostream>\n", 1, "standard header"),
    ("libingress/src/base/a.cc", "#include <zlib.h>\n", 1, "unknown include"),
    ("libingress/src/base/a.cc", '#include "text.h"\n', 1, "unknown include"),
]

LONG_BODY = "  step();\n" * 60
LONG_FUNCTION = "void run(int a) {\n" + LONG_BODY + "}\n"
LONG_MEMBER = "class A {\n public:\n  A() : b_{1}, c_{2} {\n" + LONG_BODY + "  }\n};\n"
BAD_SHAPES = [
    ("libingress/src/base/a.cc", LONG_FUNCTION, 1, "function length"),
    ("libingress/src/base/a.cc", LONG_MEMBER, 3, "function length"),
    ("tests/e2e/a.py", "def run():\n" + "    step()\n" * 60, 1, "function length"),
    ("tests/base/a_test.cc", "// line\n" * 401, 401, "file length"),
    ("README.md", "see\n/ro" + "ot/.cache\n", 2, "path of one machine"),
    ("proxyd/a.cc", "// TO" + "DO\n", 1, "unfinished"),
]
GOOD_SHAPES = [
    ("libingress/src/base/a.cc", "// Long because one row per case.\n" + LONG_FUNCTION),
    ("libingress/src/base/a.cc", "// Long because of its table.\n" + "// line\n" * 401),
    ("libingress/src/base/a.cc", "namespace a {\n" + "int f() {\n}\n" * 50 + "}\n"),
    ("libingress/src/base/a.cc", 'const char* k = R"({)";\n' + "int f() {\n}\n" * 50),
    ("README.md", "GET /home/ and /ro" + "ot/a\n"),
]


def write_tree(root: pathlib.Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def check(checker, files: dict[str, str]) -> list[tuple[str, int, str]]:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        write_tree(root, files)
        return [finding[:3] for finding in checker.check_tree(root)]


class CheckerTest(unittest.TestCase):
    def test_good_tree_is_clean(self):
        self.assertEqual(check(layers, GOOD), [])
        self.assertEqual(check(shape, GOOD), [])

    def test_each_bad_include_is_found_at_its_line(self):
        base = GOOD | {"libingress/src/net/loop.h": "", "libingress/include/ingress/loop.h": ""}
        for path, text, line, rule in BAD_INCLUDES:
            with self.subTest(path=path, text=text):
                self.assertEqual(check(layers, base | {path: text}), [(path, line, rule)])

    def test_each_bad_shape_is_found_at_its_line(self):
        for path, text, line, rule in BAD_SHAPES:
            with self.subTest(path=path, rule=rule):
                self.assertEqual(check(shape, {path: text}), [(path, line, rule)])

    def test_reasons_and_look_alikes_pass(self):
        for path, text in GOOD_SHAPES:
            with self.subTest(path=path, text=text[:60]):
                self.assertEqual(check(shape, {path: text}), [])

    def test_layers_have_no_cycle(self):
        for module, allowed in layers.LAYERS.items():
            for other in allowed:
                self.assertNotIn(module, layers.LAYERS[other], f"{module} and {other} include each other")


if __name__ == "__main__":
    unittest.main()
