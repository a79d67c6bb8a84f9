"""kill -9 of the gateway, of Kafka, of both, at any moment: what was answered is on its topic."""


def test_gateway_killed(stage):
    service = stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            turn.pause(0.0, 1.5)
            service.kill()
            turn.pause(0.0, 0.5)
            service.start()
            storm.wait_for_answers(100)
        turn.judge()


def test_kafka_killed(stage):
    stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            turn.pause(0.0, 1.5)
            stage.kafka.crash()
            turn.pause(0.0, 2.0)
            stage.kafka.start_again()
            storm.wait_for_answers(100)
        assert turn.judge_outage().spooled > 0


def test_both_killed(stage):
    """One after the other, with some time in which one of them is alone; the gateway comes back before Kafka, or after
    it."""
    service = stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            turn.pause(0.0, 1.0)
            deaths = [stage.kafka.crash, service.kill]
            turn.choose.shuffle(deaths)
            deaths[0]()
            turn.pause(0.0, 1.5)
            deaths[1]()
            if turn.choose.random() < 0.6:
                service.start(ready=False)
                turn.pause(0.0, 2.0)
                stage.kafka.start_again()
            else:
                stage.kafka.start_again()
                service.start()
            storm.wait_for_answers(100)
        turn.judge()
