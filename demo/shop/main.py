"""A small shop on the web, and a worker that packs what is ordered; nothing in it is for reloading.

Try it: mighty-patcher main.py, and edit its files.
"""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pages  # noqa: F401  It fills the table of routes.
from web import application
from worker import work


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    threading.Thread(target=work, name="worker", daemon=True).start()
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        print(f"serving on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
