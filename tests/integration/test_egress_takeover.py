"""Who goes on with a lane's commands: after a kill, a restart in good order, and what Kafka itself goes through."""

import os
import threading
import time
from collections import Counter

import confluent_kafka
import pytest

from commands import Commands, Results, dial
from egress import account
from gateway import TOPICS
from kafka import Kafka
from waiting import wait_until

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"
SESSION_SECONDS = 6


def ids_of(calls):
    """How often the vendor was asked for each command."""
    return Counter(call.body["extras"]["_tl"] for call in calls)


def assert_dialled_once(moor, ends):
    """Nobody is dialled twice, and what succeeded was dialled."""
    acted = ids_of(moor.acted("dialOut"))
    twice = [id for id, count in acted.items() if count > 1]
    assert not twice, f"{len(twice)} were dialled twice"
    succeeded = {id for id, end in ends.items() if end["status"] == "succeeded"}
    assert succeeded <= set(acted), "what was not dialled has succeeded"
    for id, end in ends.items():
        assert end["status"] in ("succeeded", "unknown") or id not in acted, end
    return acted


class Load:
    """Dials that are handed in all the time, to several accounts, until it is stopped. Use it as a context."""

    def __init__(self, commands, names, per_second):
        self.commands, self.names, self.pause = commands, names, 1 / per_second
        self.ids = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stopping.is_set():
            self.ids.append(self.commands.add(self.names[len(self.ids) % len(self.names)], "call.dial", dial()))
            self.commands.producer.poll(0)
            self.stopping.wait(self.pause)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.stopping.set()
        self.thread.join()
        self.commands.flush(120)


def simulated_accounts(start_simulator, count, **changes):
    """Accounts, each with a vendor of its own."""
    moors = [start_simulator("7moor", limit=0, key=f"key-{number}") for number in range(count)]
    limits = {"limit": {"requests": 5000, "window_seconds": 60}, "concurrency": 0, **changes}
    return moors, [account(moor, f"a{number}", **limits) for number, moor in enumerate(moors)]


# --- a worker that is killed


def test_the_next_worker_dispatches_soon_after_a_kill(start_simulator, start_egress, commands, results):
    count = 10000 if LONG else 2000
    moor = start_simulator("7moor", limit=0)
    accounts = [account(moor, limit={"requests": 2 * count, "window_seconds": 60, "straggler_seconds": 1},
                        concurrency=50, timeout_seconds=3)]
    changes = {"egress": {"lease_seconds": 2}}
    moor.behave(path="dialOut", delay_ms=500, next=300)
    worker = start_egress(accounts, changes)
    ids = commands.submit_many("7moor", "call.dial", [dial()] * count)
    results.wait_until(lambda: all(results.statuses(id) for id in ids), 60, "all to be accepted")
    moor.wait_for_calls(100)
    worker.kill9()
    killed = time.monotonic_ns()
    wait_until(lambda: moor.state()["concurrent"] == 0, 10, "what the dead one had asked to be done")
    last = moor.calls()[-1].seq
    worker = start_egress(accounts, changes, ready=False)
    call = wait_until(lambda: moor.calls(since=last), 60, "a dispatch by the next worker")[0]
    took = (call.door_ns - killed) / 1e9
    print(f"{count} commands: the first dispatch came {took:.1f} s after the kill")
    assert took < SESSION_SECONDS + 3
    ends = results.assert_one_final_each(ids, 120)
    acted = assert_dialled_once(moor, ends)
    statuses = Counter(end["status"] for end in ends.values())
    assert statuses["unknown"] <= 50 and statuses["succeeded"] == count - statuses["unknown"], statuses
    assert len(acted) >= statuses["succeeded"]
    found = results.all()
    for id in ids:
        told = [event["data"]["status"] for event in found[id]]
        assert told.count("accepted") == 1 and told[0] == "accepted", told
        assert told.count("dispatched") == 1, told
    assert worker.ready()


# --- a worker that ends in good order


@pytest.mark.parametrize("overlapping", [False, True])
def test_a_restart_in_good_order_under_load(start_simulator, start_egress, commands, results, overlapping):
    moors, accounts = simulated_accounts(start_simulator, 4)
    for moor in moors:
        moor.behave(path="dialOut", delay_ms=[1, 400])
    worker = start_egress(accounts)
    with Load(commands, [each["name"] for each in accounts], 200) as load:
        for _ in range(4 if LONG else 2):
            asked = len(moors[0].calls())
            moors[0].wait_for_calls(asked + 30)
            if overlapping:
                following = start_egress(accounts)
                worker.stop()
            else:
                worker.stop()
                following = start_egress(accounts)
            assert worker.status == 0
            worker = following
        asked = len(moors[0].calls())
        moors[0].wait_for_calls(asked + 10)
    ends = results.assert_one_final_each(load.ids, 60)
    assert Counter(end["status"] for end in ends.values()) == {"succeeded": len(load.ids)}
    acted = sum((ids_of(moor.calls("dialOut")) for moor in moors), Counter())
    assert acted == dict.fromkeys(load.ids, 1)
    assert not worker.log("lane_failed")


# --- what Kafka goes through


# A node that is its own controller and stands still for longer than a broker's session takes itself for dead when it goes
# on. Its partitions then have no leader for a moment, and no replica that could take over; a transaction that Kafka (4.3)
# aborts in that moment is over for it, though the partitions never hear of that: its records become visible with the next
# transaction of the same id, half of them. A cluster with replicas is not in that moment, nor is a node that waits longer.
LONG_SESSION = ("--set", "broker.session.timeout.ms=600000")


@pytest.fixture(scope="module")
def lasting_kafka(tmp_path_factory):
    """A Kafka of ours that takes itself for alive however long it was frozen."""
    broker = Kafka.start(tmp_path_factory.mktemp("lasting-kafka"), *LONG_SESSION)
    yield broker
    broker.stop()


@pytest.fixture
def through(prefix):
    """A function that gives, of a Kafka, commands to it and a function that opens results from it."""
    made = []

    def of(kafka):
        def results():
            made.append(Results(kafka.address, prefix + TOPICS["results"], 3))
            return made[-1]

        return Commands(kafka.address, prefix + TOPICS["commands"]), results

    yield of
    for each in made:
        each.close()


def assert_nothing_lost(moors, results, load, worker):
    ends = results.assert_one_final_each(load.ids, 120)
    statuses = Counter(end["status"] for end in ends.values())
    print(f"{len(load.ids)} commands: {dict(statuses)}")
    # How many were on their way when Kafka went is chance; that all else succeeded is not.
    assert set(statuses) <= {"succeeded", "unknown"} and statuses["succeeded"] > 0, statuses
    asked = sum((ids_of(moor.calls("dialOut")) for moor in moors), Counter())
    assert max(asked.values()) == 1, "a command was sent twice"
    assert all(asked[id] == 1 for id, end in ends.items() if end["status"] == "succeeded")
    wait_until(worker.ready, 30, "/readyz to say 200 again")


def test_kafka_stands_still_for_a_while(lasting_kafka, start_simulator, start_egress, through):
    commands, open_results = through(lasting_kafka)
    moors, accounts = simulated_accounts(start_simulator, 3, timeout_seconds=5)
    for moor in moors:
        moor.behave(path="dialOut", delay_ms=[1, 300])
    worker = start_egress(accounts, on=lasting_kafka)
    results = open_results()
    with Load(commands, [each["name"] for each in accounts], 50) as load:
        moors[0].wait_for_calls(20)
        lasting_kafka.freeze()
        try:
            asked = [len(moor.calls()) for moor in moors]
            time.sleep(20)
            # What was granted before may still go; then nothing more, as no intent is durable.
            assert all(len(moor.calls()) <= before + 20 for moor, before in zip(moors, asked))
        finally:
            lasting_kafka.thaw()
        moors[0].wait_for_calls(len(moors[0].calls()) + 20, seconds=90)
    assert_nothing_lost(moors, results, load, worker)


def test_kafka_is_killed_and_comes_again(own_kafka, start_simulator, start_egress, through):
    commands, open_results = through(own_kafka)
    moors, accounts = simulated_accounts(start_simulator, 3, timeout_seconds=5)
    for moor in moors:
        moor.behave(path="dialOut", delay_ms=[1, 300])
    worker = start_egress(accounts, on=own_kafka)
    results = open_results()
    with Load(commands, [each["name"] for each in accounts], 50) as load:
        for seconds in (0, 12 if LONG else 4):
            moors[0].wait_for_calls(len(moors[0].calls()) + 20, seconds=90)
            # What came while it was away has been worked off: else hundreds would be under way.
            wait_until(lambda: worker.metric("trunkline_commands_unfinished") < 40, 60, "the backlog to be gone")
            own_kafka.crash()
            time.sleep(seconds)
            own_kafka.start_again()
        moors[0].wait_for_calls(len(moors[0].calls()) + 20, seconds=90)
    assert_nothing_lost(moors, results, load, worker)


def test_a_transaction_that_nobody_ends_keeps_no_lane_from_working(
    kafka, prefix, start_simulator, start_egress, commands, results
):
    """A broker that is killed may come again with offsets that wait for the end of a transaction that is over."""
    moor = start_simulator("7moor", limit=0)
    accounts = [account(moor, limit={"requests": 0})]
    worker = start_egress(accounts)
    assert results.final(commands.submit("7moor", "call.dial", dial()))["status"] == "succeeded"
    worker.stop()
    producer = confluent_kafka.Producer({
        "bootstrap.servers": kafka.address, "transactional.id": prefix + "stranger", "transaction.timeout.ms": 600000,
    })
    member = confluent_kafka.Consumer({"bootstrap.servers": kafka.address, "group.id": prefix + "egress"})
    offsets = [confluent_kafka.TopicPartition(prefix + TOPICS["commands"], partition, 1) for partition in range(3)]
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.send_offsets_to_transaction(offsets, member.consumer_group_metadata(), 30)
    member.close()
    start_egress(accounts)
    assert results.final(commands.submit("7moor", "call.dial", dial()))["status"] == "succeeded"
    assert len(moor.calls()) == 2
    producer.abort_transaction(30)
