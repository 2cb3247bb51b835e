"""Routes and requests, as web frameworks have them."""

from urllib.parse import parse_qsl

ROUTES = {}


def route(path):
    def register(page):
        ROUTES[path] = page
        return page

    return register


def application(environ, start_response):
    page = ROUTES.get(environ["PATH_INFO"])
    status = "200 OK" if page else "404 Not Found"
    text = page(**dict(parse_qsl(environ["QUERY_STRING"]))) if page else "there is no such page"
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]
