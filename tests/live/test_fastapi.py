"""FastAPI, which looks at parameters and annotations once, when a route is made."""

from __future__ import annotations

import pytest
from program import Live

DEPS = """
    {future}
    from typing import Annotated
    from fastapi import Depends, Query
    MOST = 10
    Limit = Annotated[int, Query(le=MOST)]
    def page(number: int = 1):
        return number
    Page = Annotated[int, Depends(page)]
"""
MAIN = """
    {future}
    import asyncio, json
    from typing import Annotated
    from fastapi import Depends, FastAPI
    from pydantic import BaseModel
    from deps import Limit, Page, page

    app = FastAPI()

    class Item(BaseModel):
        size: Limit = 3

    @app.get("/alias")
    def alias(page: Page): return page

    @app.get("/default")
    def default(page: int = Depends(page)): return page

    @app.get("/limit")
    def limit(limit: Limit = 1): return limit

    @app.post("/item")
    def item(item: Item): return item.size

    def ask(path, query="", **body):
        sent = []
        async def receive():
            return {{"type": "http.request", "body": json.dumps(body).encode()}}
        async def send(message):
            sent.append(message)
        scope = dict(type="http", method="POST" if body else "GET", path=path, headers=[],
                     query_string=query.encode(), http_version="1.1", scheme="http",
                     raw_path=path.encode(), root_path="", server=("here", 80), client=("me", 1),
                     extensions={{}})
        if body:
            scope["headers"] = [(b"content-type", b"application/json")]
        asyncio.run(app(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"]) if sent[0]["status"] == 200 else None
"""


@pytest.fixture(params=["", "from __future__ import annotations"], ids=["evaluated", "texts"])
def program(live: Live, request: pytest.FixtureRequest):
    """The application; annotations are evaluated, on 3.14 when asked for, or they are texts."""
    future = request.param
    program = live({"deps.py": DEPS.format(future=future), "main.py": MAIN.format(future=future)})
    program.expect("ask('/alias', 'number=5')", "(200, 5)")
    program.expect("len(app.routes)", "8")
    return program


def test_dependencies_get_other_parameters(program) -> None:
    program.edit("deps.py", "number: int = 1):\n    return number", "at: int = 2):\n    return at")
    for path in ("/alias", "/default"):
        program.expect(f"ask('{path}', 'number=5&at=7'), ask('{path}')", "((200, 7), (200, 2))")
    program.expect("len(app.routes)", "8")


def test_types_in_annotations_change(program) -> None:
    program.expect("ask('/limit', 'limit=15'), ask('/item', size=15)", "((422, None), (422, None))")
    report = program.edit("deps.py", "MOST = 10", "MOST = 20")
    program.expect("ask('/limit', 'limit=15'), ask('/item', size=15)", "((200, 15), (200, 15))")
    program.expect("ask('/limit', 'limit=25'), ask('/item', size=25)", "((422, None), (422, None))")
    program.expect("len(app.routes)", "8")
    assert not report.stale
