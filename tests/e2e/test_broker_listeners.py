"""The broker that tests of credentials use lets in who has them, and nobody else."""

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from harness.broker import Broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("broker"), secure=True).start()
    yield broker
    broker.stop()


def sees_the_cluster(config: dict) -> bool:
    try:
        return bool(AdminClient({**config, "log_level": 0}).list_topics(timeout=5).brokers)
    except KafkaException:
        return False


def sasl(broker: Broker, mechanism: str, password: str) -> dict:
    return {"sasl.mechanism": mechanism, "sasl.username": broker.secret("username"), "sasl.password": password}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
@pytest.mark.parametrize("listener", ["sasl", "sasl-tls"])
def test_sasl_lets_in_the_right_password_only(broker, listener, mechanism):
    transport = {"bootstrap.servers": broker.address(listener), "security.protocol": "sasl_plaintext"}
    if listener == "sasl-tls":
        transport |= {"security.protocol": "sasl_ssl", "ssl.ca.location": str(broker.client / "ca.crt")}
    assert sees_the_cluster(transport | sasl(broker, mechanism, broker.secret("password")))
    assert not sees_the_cluster(transport | sasl(broker, mechanism, "wrong"))


def test_tls_asks_for_a_certificate_and_has_one_to_be_checked(broker):
    without = {"bootstrap.servers": broker.address("tls"), "security.protocol": "ssl", "ssl.ca.location": str(broker.client / "ca.crt")}
    own = {"ssl.certificate.location": str(broker.client / "tls.crt"), "ssl.key.location": str(broker.client / "tls.key")}
    assert sees_the_cluster(without | own)
    assert not sees_the_cluster(without)
    elsewhere = {key: value for key, value in without.items() if key != "ssl.ca.location"}
    assert not sees_the_cluster(elsewhere | own)


def test_it_comes_back_at_the_same_addresses_with_the_same_passwords(broker):
    before = [broker.address(listener) for listener in ("sasl", "tls", "sasl-tls")]
    config = {"bootstrap.servers": before[0], "security.protocol": "sasl_plaintext"} | sasl(broker, "SCRAM-SHA-512", broker.secret("password"))
    broker.stop()
    broker.start()
    assert [broker.address(listener) for listener in ("sasl", "tls", "sasl-tls")] == before
    assert sees_the_cluster(config)
