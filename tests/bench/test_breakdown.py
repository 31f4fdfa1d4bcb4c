"""Reading of callgrind's files: what is missed there, or counted twice, would be a wrong share."""

import breakdown

# A calls B twice and then the parser; B's own cost is 7, and A's lines say what the calls cost in all.
CALLGRIND = """events: Ir
ob=(1) /opt/bin/proxyd
fl=(1) a.cc
fn=(1) ingress::proxy::Exchange::prepare(ingress::http::Head const&)
10 5
+1 6
cfn=(2) ingress::http::(anonymous namespace)::scan<int>(char const*)
calls=2 20
* 7
cob=(2) /usr/lib/libuv.so.1.0.0
cfn=(3) 0x1a080
calls=1 30
+2 3
fn=(2)
20 7

ob=(2)
fn=(3)
0 3

ob=(1)
fn=(4) llhttp__internal__run
-3 100

totals: 121
"""


def test_what_a_call_costs_is_counted_in_the_callee_only():
    costs = breakdown.read_functions(CALLGRIND)
    assert sum(costs.values()) == 121
    assert costs["ingress::proxy::Exchange::prepare(ingress::http::Head const&)", "/opt/bin/proxyd"] == 11


def test_a_function_belongs_to_its_own_namespace_not_to_that_of_its_parameters():
    names = {breakdown.part_of(*key): breakdown.last_name(key[0]) for key in breakdown.read_functions(CALLGRIND)}
    assert names == {"ingress::proxy": "Exchange::prepare", "ingress::http": "http::scan",
                     "libuv (event loop)": "0x1a080", "llhttp (parsing)": "llhttp__internal__run"}


def test_result_types_and_template_arguments_are_left_out():
    name = "std::pair<int, std::vector<int> > ingress::base::(anonymous namespace)::find<a<b> >(std::string_view)"
    assert breakdown.short_name(name) == "ingress::base::find"


def test_parts_are_per_request(tmp_path):
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_text(CALLGRIND)
    long.write_text(CALLGRIND.replace("-3 100", "-3 1100").replace("10 5", "10 25"))
    parts = breakdown.per_request_by_part((10, short), (20, long))
    assert [(part.name, part.instructions) for part in parts[:2]] == [("llhttp (parsing)", 100), ("ingress::proxy", 2)]
