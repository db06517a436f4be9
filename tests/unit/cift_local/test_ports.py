import socket

from cift_local.ports import LOOPBACK, free_port, is_free


class TestFreePort:
    def test_can_be_listened_on_and_is_taken_then(self) -> None:
        port = free_port()
        with socket.create_server((LOOPBACK, port)):
            assert not is_free(port)
        assert is_free(port)

    def test_lies_below_the_ports_of_outgoing_connections(self) -> None:
        assert all(20_000 <= free_port() < 32_768 for _ in range(50))
