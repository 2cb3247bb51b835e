from __future__ import annotations

import importlib.util
import sys

import pytest

from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.version import read


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A module whose file is below no root, and what is in force."""
    root, other = tmp_path / "project", tmp_path / "installed"
    root.mkdir()
    other.mkdir()
    file = other / "stranger.py"
    file.write_text("RETRIES = 5\n")
    spec = importlib.util.spec_from_file_location("stranger", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stranger", module)
    spec.loader.exec_module(module)
    return module, file, InForce(Modules([root]), [])


def names(found):
    return [(it.module, it.name) for it in found]


class TestImportsOfAModuleElsewhere:
    def test_one_that_names_the_source_is_looked_at(self, elsewhere):
        module, file, in_force = elsewhere
        file.write_text("from shop import RETRIES\n")
        assert names(in_force.imports_of(module, "shop", "RETRIES")) == [("shop", "RETRIES")]

    def test_one_that_does_not_is_not_read_again(self, elsewhere):
        module, file, in_force = elsewhere
        assert in_force.imports_of(module, "shop", "RETRIES") == []
        file.write_text("from shop import RETRIES\n")  # and nobody tells
        assert in_force.imports_of(module, "shop", "RETRIES") == []
        assert names(in_force.imports_of(module, "shop.prices", "RETRIES")) == []

    @pytest.mark.parametrize("tell", ["read_anew", "put"])
    def test_until_it_is_known_to_be_another(self, elsewhere, tell):
        module, file, in_force = elsewhere
        assert in_force.imports_of(module, "shop", "RETRIES") == []
        file.write_text("from shop import RETRIES\n")
        if tell == "put":
            in_force.put(read(str(file)))
        else:
            in_force.read_anew(str(file))
        assert names(in_force.imports_of(module, "shop", "RETRIES")) == [("shop", "RETRIES")]

    def test_one_that_is_no_text(self, elsewhere):
        module, file, in_force = elsewhere
        file.write_bytes(b"\x7fELF\x00\xff")
        assert in_force.imports_of(module, "shop", "RETRIES") == []
        assert in_force.imports_of(module, "shop", "RETRIES") == []

    def test_one_that_cannot_be_read_for_now(self, elsewhere):
        """It is being installed anew, for example."""
        module, file, in_force = elsewhere
        file.unlink()
        assert in_force.imports_of(module, "shop", "RETRIES") == []
        file.write_text("from shop import RETRIES\n")
        assert names(in_force.imports_of(module, "shop", "RETRIES")) == [("shop", "RETRIES")]
