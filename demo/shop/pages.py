"""The pages of the shop."""

from pricing import CURRENCY, total
from stock import Cart, carts
from web import route
from worker import order


@route("/add")
def add(owner, book, price):
    cart = carts.setdefault(owner, Cart(owner))
    cart.books[book] = float(price)
    return f"{book} is in {cart.label()}"


@route("/cart")
def show(owner):
    cart = carts[owner]
    return f"{cart.label()}: {total(cart):.2f} {CURRENCY}"


@route("/order")
def buy(owner):
    return order(carts[owner])
