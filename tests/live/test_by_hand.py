"""The patcher by hand, in a program of its own (SEEDS A9)."""

from __future__ import annotations

from program import Live

PROGRAM = """
    import functools
    from mighty_patcher import RefusedEdit, actually_patch, replace_inner_value

    def price(item, tax=0):
        return ("old", item, tax)

    def half_price(item, tax=1):
        return ("half", item, tax)

    class Shop:
        price = price

    shop, table, partial = Shop(), {"price": [price]}, functools.partial(price, "a")
    settings = {"debug": False, "level": 1}
    held = settings

    def everywhere():
        return price("a"), partial(), table["price"][0]("a"), Shop.price("a"), shop.price()[0]
"""
OLD = ("old", "a", 0)
HALF = ("half", "a", 1)


def test_every_reference_sees_the_replacement(live: Live) -> None:
    """SEEDS A9."""
    program = live({"main.py": PROGRAM}, watch=False)
    program.expect("everywhere()", repr((OLD, OLD, OLD, OLD, "old")))
    program.do("replace_inner_value(price, half_price)")
    program.expect("everywhere()", repr((HALF, HALF, HALF, HALF, "half")))
    program.do("replace_inner_value(settings, {'debug': True})")
    program.expect("held, held is settings", "({'debug': True}, True)")


def test_the_block_puts_the_old_content_back(live: Live) -> None:
    """SEEDS A9: also when the body raises."""
    program = live({"main.py": PROGRAM}, watch=False)
    program.do(
        """
        code, seen = price.__code__, []
        try:
            with actually_patch(price, half_price), actually_patch(settings, {}):
                seen.append((everywhere()[0], dict(held)))
                raise KeyError("in the body")
        except KeyError:
            seen.append((everywhere()[0], dict(held)))
        """
    )
    program.expect("seen[0]", repr((HALF, {})))
    program.expect("seen[1]", repr((OLD, {"debug": False, "level": 1})))
    program.expect("price.__code__ is code", "True")


def test_wrong_kinds_are_refused_by_name(live: Live) -> None:
    """SEEDS A9: never a crash."""
    program = live({"main.py": PROGRAM}, watch=False)
    program.do(
        """
        def refused(*pair):
            try:
                replace_inner_value(*pair)
            except (TypeError, RefusedEdit) as error:
                return type(error).__name__, str(error)
        """
    )
    program.expect("refused(price, settings)[0]", "'TypeError'")
    program.expect(
        "[w in refused(price, settings)[1] for w in ('function', 'dict')]", "[True, True]"
    )
    program.expect("refused(len, price)[0], refused(1, 2)[0]", "('TypeError', 'TypeError')")
    program.expect("refused(Shop, type('Shop', (dict,), {}))[0]", "'RefusedEdit'")
    program.expect("everywhere()[0]", repr(OLD))
