"""What a customer wants to buy."""

from pricing import discount


class Cart:
    def __init__(self, owner):
        self.owner = owner
        self.prices = []

    def add(self, price):
        self.prices.append(price)

    def label(self):
        return f"{self.owner}'s cart"


def total(cart):
    return sum(discount(price) for price in cart.prices)
