"""``import json`` in a package that has a module of this name, which has been imported since."""

from __future__ import annotations

import importlib
import json

import pytest


@pytest.fixture
def load(project):
    def load(init):
        """Write a package that has a module ``json``, and import both."""
        package = project.root / f"{project.prefix}p"
        package.mkdir()
        (package / "json.py").write_text("OWN = 1\n")
        (package / "other.py").write_text(f"from {package.name}.json import OWN\n")
        (package / "__init__.py").write_text(init.replace("~p", package.name))
        project.engine()
        importlib.import_module(f"{package.name}.json")
        return importlib.import_module(package.name)

    return load


def edit(project, module, old, new):
    path = project.root / module.__name__ / "__init__.py"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new.replace("~p", module.__name__)))
    reload = project.engine().reload([path])
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return reload


def test_a_statement_finds_what_it_has_found_before(load, project):
    module = load("import json\nif json.dumps:\n    X = 1\n    Y = json.__name__\n")
    own = module.json
    reload = edit(project, module, "X = 1", "X = 2")
    assert (module.X, module.Y, module.json is own) == (2, "json", True)
    assert [it.qualname for it in reload.steps if it.kind == "ran"] == ["the if statement"]
    edit(project, module, "    Y = json.__name__", "def f(): return 1\nY = [f(), json.dumps([])]")
    assert (module.Y, module.json is own) == ([1, "[]"], True)


def test_what_is_raised_leaves_it_alone(load, project):
    module = load("import json\nX = json.dumps([])\n")
    own, path = module.json, project.root / module.__name__ / "__init__.py"
    path.write_text("import json\nX = json.dumps([]) + 1\n")
    assert not project.engine().reload([path]).ok
    assert (module.X, module.json is own) == ("[]", True)


def test_an_import_that_is_new(load, project):
    module = load("X = 1\n")
    own = module.json
    edit(project, module, "X = 1\n", "import json\nX = json.dumps([])\n")
    assert (module.X, module.json is own) == ("[]", True)


@pytest.mark.parametrize("statement", ["import ~p.json", "from ~p import other"])
def test_below_an_import_that_leads_to_the_module_that_is_what_is_found(load, project, statement):
    module = load(f"import json\nX = json.dumps\n{statement}\nY = json.OWN\n")
    own = module.json
    edit(project, module, "X = json.dumps", "X = [json.dumps]")
    edit(project, module, "Y = json.OWN", "Y = json.OWN + 1")
    assert (module.X, module.Y, module.json is own) == ([json.dumps], 2, True)


def test_an_import_after_that_is_another(load, project):
    module = load("from ~p.json import OWN\nimport json\nX = json.dumps\n")
    edit(project, module, "X = json.dumps", "X = [json.dumps]")
    assert (module.X, module.json) == ([json.dumps], json)
