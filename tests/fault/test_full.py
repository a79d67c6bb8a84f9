"""No room: a full disk, a full spool, the share of a source used up. What has no place on disk is refused; what has
been answered is not lost for it; when there is room again, everything goes on by itself."""

import callbacks
from disk import file_system
from gateway import Gateway, run
from posting import post
from waiting import wait_until

SOON = 30  # seconds; how long a condition is waited for
MAX_BYTES = 400000  # of a small spool


def fill(stage, service, make, most=20000):
    """Posts callbacks until one is refused; gives that answer, and how many were accepted before it."""
    for number in range(most):
        answer = post(stage, service, make(f"{stage.prefix}{make.__name__}-{len(stage.ledger.entries)}"))
        if answer.status != 200:
            return answer, number
    raise AssertionError(f"{most} callbacks did not fill it")


def spooling(stage, service):
    """Kafka is taken away; returns when callbacks go to the spool."""
    stage.kafka.freeze()

    def spooled():
        answer = post(stage, service, callbacks.yeta_record(f"first-{len(stage.ledger.entries)}"))
        return answer.header("Trunkline-Durability") == "spool"

    wait_until(spooled, SOON, "callbacks to be spooled")


def refused_for_want_of_room(answer):
    assert answer.status == 503 and int(answer.header("Retry-After")) > 0
    assert answer.header("Content-Type") == "application/problem+json"
    return True


def test_a_full_disk(stage):
    """The spool may have 1 GiB, but the disk has 4 MiB."""
    with file_system(stage.data_dir, "4m") as small:
        service = stage.service()
        for turn in stage.rounds():
            small.resize("4m")
            spooling(stage, service)
            answer, accepted = fill(stage, service, callbacks.yeta_record)
            assert refused_for_want_of_room(answer) and accepted > 100
            wait_until(lambda: not service.gateway.ready(), SOON, "/readyz to say 503")
            assert b"spool" in service.gateway.management("/readyz").body
            with turn.storm() as storm:  # which goes on while nothing is accepted
                turn.pause(0.2, 1.0)
                small.resize("64m")
                service.gateway.wait_until_ready(SOON)
                storm.wait_for_answers(50)
                assert post(stage, service, callbacks.yeta_record(f"room-{turn.number}")).status == 200
                stage.kafka.thaw()
            turn.judge()
        service.close()


def test_a_full_disk_empties_itself_when_kafka_is_back(stage):
    """Removing needs room, too: there must be enough for it."""
    with file_system(stage.data_dir, "4m"):
        service = stage.service()
        for turn in stage.rounds():
            spooling(stage, service)
            answer, _ = fill(stage, service, callbacks.yeta_record)
            assert refused_for_want_of_room(answer)
            stage.kafka.thaw()
            turn.judge()
            assert post(stage, service, callbacks.yeta_record(f"room-{turn.number}")).status == 200
        service.close()


def test_killed_on_a_full_disk(stage):
    with file_system(stage.data_dir, "4m"):
        service = stage.service()
        for turn in stage.rounds():
            spooling(stage, service)
            fill(stage, service, callbacks.yeta_record)
            service.kill()
            stage.kafka.thaw()
            service.start()
            turn.judge()
        service.close()


def test_a_full_spool_and_the_shares_of_the_sources(stage):
    """One source's storm leaves room for the others; the last of it is for those who never repeat."""
    service = stage.service({"spool": {"max_bytes": MAX_BYTES, "source_share_percent": 50}})
    for turn in stage.rounds():
        spooling(stage, service)
        answer, of_yeta = fill(stage, service, callbacks.yeta_record)
        assert refused_for_want_of_room(answer) and of_yeta > 50
        assert service.gateway.metric("trunkline_spool_bytes") <= 0.55 * MAX_BYTES
        assert service.gateway.ready(), service.gateway.management("/readyz").body  # there is room for others
        answer, of_airudder = fill(stage, service, callbacks.airudder_task)
        assert refused_for_want_of_room(answer) and of_airudder > 50
        for full in (callbacks.yeta_record, callbacks.airudder_task):
            assert fill(stage, service, full)[1] < 5  # a smaller one may still have fitted
        answer, of_jiuyun = fill(stage, service, callbacks.jiuyun_hangup)
        assert refused_for_want_of_room(answer)
        assert of_jiuyun > 5, "the last of the room is for the one that never repeats"
        wait_until(lambda: not service.gateway.ready(), SOON, "/readyz to say 503")
        assert b"spool" in service.gateway.management("/readyz").body
        assert service.gateway.metric("trunkline_spool_bytes") <= MAX_BYTES
        stage.kafka.thaw()
        service.gateway.wait_until_ready(SOON)
        turn.judge()
        assert post(stage, service, callbacks.yeta_record(f"room-{turn.number}")).status == 200


def start_refused(stage, *words):
    """The start ends with an error that says where it is and what to do."""
    gateway = Gateway.configured(stage.directory / "refused", stage.service(start=False).config)
    done = run(*gateway.arguments, seconds=30)
    assert done.returncode not in (0, None)
    for word in (str(stage.data_dir), *words):
        assert word in done.stderr, done.stderr
    return done


def test_a_data_directory_that_cannot_be_written(stage):
    with file_system(stage.data_dir, "4m") as small:
        small.read_only()
        start_refused(stage, "Read-only file system", "data_dir")
        small.writable()
        stage.service(name="another")
        for service in stage.services:
            service.close()


def test_a_data_directory_that_is_a_file(stage):
    stage.data_dir.write_text("not a directory")
    start_refused(stage, "data_dir")


def test_a_disk_that_is_full_at_the_start(stage):
    with file_system(stage.data_dir, "64k") as small:
        (stage.data_dir / "filler").write_bytes(bytes(60 * 1024))
        start_refused(stage)
        small.resize("8m")
        stage.service(name="another")
        for service in stage.services:
            service.close()
