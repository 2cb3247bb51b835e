"""What a book costs."""

CURRENCY = "EUR"


def discount(price):
    return price * 0.90
