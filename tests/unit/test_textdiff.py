from __future__ import annotations

from mighty_patcher.engine.textdiff import text_diff

OLD = """\
X = 1


class Cart:
    def total(self):
        a = 1
        b = 2
        c = 3
        return 1

    @property
    def tax(self):
        return 2
"""


def test_nothing():
    assert text_diff("a.py", OLD, OLD) == []


def test_each_group_of_lines_has_the_name_of_its_definition():
    new = OLD.replace("X = 1", "X = 2").replace("return 1", "return 3")
    lines = text_diff("shop/cart.py", OLD, new)
    assert lines[:2] == ["--- shop/cart.py", "+++ shop/cart.py"]
    assert [line for line in lines if line.startswith("@@")] == [
        "@@ -1,3 +1,3 @@",
        "@@ -7,5 +7,5 @@ Cart.total",
    ]
    assert [line for line in lines[2:] if line[0] in "+-"] == [
        "-X = 1",
        "+X = 2",
        "-        return 1",
        "+        return 3",
    ]


def test_a_decorator_belongs_to_its_definition():
    new = OLD.replace("@property", "@cached_property")
    (header,) = [line for line in text_diff("a.py", OLD, new) if line.startswith("@@")]
    assert header.endswith(" Cart.tax")


def test_from_and_to_nothing_and_what_does_not_parse():
    assert text_diff("a.py", "", "x = 1\n")[-1] == "+x = 1"
    assert text_diff("a.py", "x = 1\n", "")[-1] == "-x = 1"
    assert "+def (" in text_diff("a.py", OLD, OLD + "def (\n")
