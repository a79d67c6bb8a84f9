"""Single callbacks, posted on purpose and written down like those of a storm."""

import time

from ledger import Entry


def post(stage, service, callback, step=0):
    """One attempt; gives the response."""
    entry = Entry(callback.call, step, callback.path, callback.body.decode(), callback.events, posted=time.monotonic())
    response = service.gateway.post("/callbacks" + callback.path, callback.body)
    entry.attempts.append(response.status)
    if response.status == 200:
        entry.answered, entry.life = time.monotonic(), service.life
        entry.durability = response.header("Trunkline-Durability")
    stage.ledger.write(entry)
    return response
