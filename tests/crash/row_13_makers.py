# row: 13
# expect: exit 0
# unguarded: a segmentation fault without the GIL: a watcher that is gone is called
"""Functions are made and dropped by threads while others are committed: to find out whether anybody
watches functions is nothing that these may see.
"""

import threading

from mighty_patcher import _core

COMMITS = 2000


def old():
    return "old"


def new():
    return "new"


done = threading.Event()


def make():
    while not done.is_set():
        [lambda: None for _ in range(20)]


threads = [threading.Thread(target=make) for _ in range(4)]
for thread in threads:
    thread.start()
try:
    for _ in range(COMMITS):
        log = _core.Log()
        log.add_function(old, new)
        log.commit()
        assert old() == "new"
        log.undo()
        assert old() == "old"
        log.discard()
finally:
    done.set()
    for thread in threads:
        thread.join()
