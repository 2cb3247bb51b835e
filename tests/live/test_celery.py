"""Celery, whose applications keep the task that they have under a name."""

from __future__ import annotations

from program import Live

TASKS = """
    from celery import Celery, shared_task
    app = Celery("shop", broker="memory://", backend="cache+memory://", task_always_eager=True)

    @app.task(max_retries=3)
    def add(a, b): return a + b

    @shared_task(bind=True, max_retries=3)
    def name(self): return self.name
"""


def test_tasks_have_other_options_and_parameters(live: Live) -> None:
    program = live(
        {"tasks.py": TASKS, "main.py": "from tasks import add, app, name\nTASKS = [add]"}
    )
    program.expect("add.delay(2, 3).get(), name.delay().get()", "(5, 'tasks.name')")
    report = program.save("tasks.py", TASKS.replace("max_retries=3", "max_retries=7"))
    program.expect("add.max_retries, name.max_retries, TASKS[0].max_retries", "(7, 7, 7)")
    program.expect("[app.tasks[f'tasks.{it}'].max_retries for it in ('add', 'name')]", "[7, 7]")
    assert not report.stale
    program.edit("tasks.py", "def add(a, b): return a + b", "def add(a, b=1): return a * b")
    program.expect("add.delay(5).get(), TASKS[0].delay(5, 2).get(), add(4)", "(5, 10, 4)")
    program.expect(
        "sorted(it for it in app.tasks if it[:5] == 'tasks')", "['tasks.add', 'tasks.name']"
    )
