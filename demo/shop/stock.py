"""What the shop holds in memory, and would lose by a restart."""


class Cart:
    def __init__(self, owner):
        self.owner = owner
        self.books = {}

    def label(self):
        return f"{self.owner}'s cart"


carts = {}
