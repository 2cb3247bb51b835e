"""A till: it knows nothing of reloading but for the line that starts the reloader."""

import time

from cart import Cart, total
from pricing import CURRENCY, discount

from mighty_patcher import AutoReloader

AutoReloader(path=".")


def load_book():
    print("opening the shop: reading the catalogue, filling Ada's cart", flush=True)
    return {"On Computable Numbers": 10.00, "Sketch of the Analytical Engine": 50.00}


catalogue = load_book()  # a cache, filled once
ada = Cart("Ada")  # an instance that lives on
for price in catalogue.values():
    ada.add(price)

shown = None
ticks = 0
while True:
    ticks += 1
    line = f"{ada.label()}: {total(ada):.2f} {CURRENCY}, the small one {discount(10):.2f}"
    if line != shown:
        print(f"tick {ticks:>5}  {line}", flush=True)
        shown = line
    time.sleep(0.01)
