"""The tests of a line come before those of its file, the quick before the slow, each kind once."""

from tests.mutants.choice import BUDGET, Map

TEXT = "A = (\n    1,\n    2,\n)\n\n\ndef f(x):\n    return (\n        x\n        + 1\n    )\n"
PATH = "harness/kmodel/a.py"
KNOWN = Map(
    {
        "t::slow": BUDGET / 4,
        "t::many[1]": 0.1,
        "t::many[2]": 0.2,
        "t::other": 0.05,
        "t::never": 2 * BUDGET,
    },
    {PATH: {"8": ["t::slow", "t::many[1]", "t::many[2]"], "9": ["t::never"], "20": ["t::other"]}},
)


def test_order():
    of_line = ["t::many[1]", "t::slow", "t::many[2]"]
    assert KNOWN.tests(PATH, 10, TEXT) == [*of_line, "t::other"]
    assert KNOWN.tests(PATH, 10, TEXT, "t::other") == ["t::other", *of_line]
    assert KNOWN.tests(PATH, 10, TEXT, "t::gone") == [*of_line, "t::other"]


def test_a_line_that_runs_at_import_has_the_tests_of_its_file():
    assert KNOWN.tests(PATH, 2, TEXT)[0] == "t::other"
    assert len(KNOWN.tests(PATH, 2, TEXT)) == 4


def test_a_file_that_no_test_runs_has_those_of_its_room():
    near = Map({"tests/kmodel/x::a": 1.0, "tests/data/x::b": 1.0}, {})
    assert near.tests(PATH, 2, TEXT) == ["tests/kmodel/x::a"]


def test_tests_that_are_named_after_a_file_or_its_folder_are_asked_too():
    names = ["tests/kmodel/test_a.py::x", "tests/kmodel/test_v5.py::y", "tests/kmodel/test_b.py::z"]
    known = Map(dict.fromkeys(names, 0.1), {"harness/kmodel/v5/a.py": {"1": [names[2]]}})
    assert known.tests("harness/kmodel/v5/a.py", 1, "x = 1") == [names[2], *names[:2]]


def test_maps_of_several_files_are_one():
    one, two = Map({"a": 1.0}, {PATH: {"3": ["a"]}}), Map({"b": 1.0}, {PATH: {"3": ["b"], "4": []}})
    assert Map.merged([one, two]) == Map({"a": 1.0, "b": 1.0}, {PATH: {"3": ["a", "b"], "4": []}})
