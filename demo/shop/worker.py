"""A worker: a thread whose loop never ends, and which counts its parcels in a local variable."""

import queue

orders = queue.SimpleQueue()


def order(cart):
    answer = queue.SimpleQueue()
    orders.put((cart, answer))
    return answer.get()


def work():
    number = 0
    while True:
        cart, answer = orders.get()
        number += 1
        answer.put(pack(number, cart))


def pack(number, cart):
    return f"parcel {number}: {len(cart.books)} books for {cart.owner}"
