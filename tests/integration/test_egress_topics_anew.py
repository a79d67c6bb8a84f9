"""What the worker makes of a commands topic that was deleted and made anew, while the journal is still the old one."""

from commands import Commands, dial
from egress import account
from gateway import TOPICS
from waiting import wait_until


def test_commands_of_a_topic_that_was_made_anew_are_carried_out(kafka, prefix, start_simulator, start_egress, commands,
                                                                results):
    """By the old journal their offsets are finished; but it is ids that tell."""
    moor = start_simulator("7moor")
    topic = prefix + TOPICS["commands"]
    worker = start_egress([account(moor)])
    before = commands.submit_many("7moor", "call.dial", [dial() for _ in range(5)])
    results.assert_one_final_each(before)
    worker.stop()

    kafka.delete(topic)
    wait_until(lambda: topic not in kafka.topics(prefix), 30, "the topic is gone")
    kafka.create(topic, 3)
    anew = Commands(kafka.address, topic)  # the other one knows the topic that is gone
    again = before[0]
    anew.submit("7moor", "call.dial", dial(), id=again)
    after = anew.submit_many("7moor", "call.dial", [dial() for _ in range(5)])
    start_egress([account(moor)])
    assert {end["status"] for end in results.wait_for_finals(after, 30).values()} == {"succeeded"}
    results.wait_until(lambda: len(results.finals(again)) == 2, 30, "the first result to come again")
    called = [call.body["extras"]["_tl"] for call in moor.acted("dialOut")]
    assert sorted(called) == sorted([*before, *after])
