"""The supervisor with real processes: order, restarts, and an end for each of them."""

import asyncio
import sys
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from cift_local.broker import EmbeddedBroker
from cift_local.errors import StartError
from cift_local.ports import free_port
from cift_local.processes import Supervisor, server, service
from cift_local.supervised_process import Part, State, Status
from tests.support.postgres import throw_away_folder

pytestmark = pytest.mark.integration

SERVICE = dedent("""
    import http.server, os, signal, sys
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
        def log_message(self, *about):
            pass
    def leave(*about):
        print("\\x1b[32m" + os.environ["GREETING"] + " leaves\\x1b[0m", flush=True)
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in sys.argv else leave)
    print("ready", flush=True)
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
""")


def web(name: str, folder: Path, *arguments: str, code: str = SERVICE) -> Part:
    port = free_port()
    return service(
        name,
        [sys.executable, "-c", code, str(port), *arguments],
        env={"GREETING": name},
        health_url=f"http://127.0.0.1:{port}/healthz",
        log=folder / f"{name}.log",
    )


def by_name(supervisor: Supervisor) -> dict[str, Status]:
    return {status.name: status for status in supervisor.status()}


class TestStartAndStop:
    async def test_in_order_and_back(self, tmp_path: Path) -> None:
        heard: list[tuple[str, State]] = []
        parts = [web("one", tmp_path), web("two", tmp_path)]
        supervisor = Supervisor(parts, on_change=lambda now: heard.append((now.name, now.state)))
        async with supervisor:
            pids = [status.pid for status in supervisor.status()]
            assert all(status.rss_bytes > 1_000_000 for status in supervisor.status())
            assert all(status.uptime_s > 0 for status in supervisor.status())
        assert heard == [
            ("one", State.STARTING),
            ("one", State.READY),
            ("two", State.STARTING),
            ("two", State.READY),
            ("two", State.STOPPED),
            ("one", State.STOPPED),
        ]
        assert not any(psutil.pid_exists(pid) for pid in pids if pid)

    async def test_output_goes_to_the_log_with_its_colours(self, tmp_path: Path) -> None:
        async with Supervisor([web("one", tmp_path)]):
            pass
        assert (tmp_path / "one.log").read_text() == "ready\n\x1b[32mone leaves\x1b[0m\n"

    async def test_the_log_of_the_run_before_is_kept(self, tmp_path: Path) -> None:
        for _ in range(2):
            async with Supervisor([web("one", tmp_path)]):
                pass
        assert (tmp_path / "one.log.1").read_text() == (tmp_path / "one.log").read_text()

    async def test_a_deaf_part_is_killed_when_its_time_is_up(self, tmp_path: Path) -> None:
        deaf = web("deaf", tmp_path, "deaf")
        part = Part(deaf.name, deaf.program, deaf.is_ready, stop_timeout_s=0.2)
        supervisor = Supervisor([part])
        await supervisor.start()
        pid = by_name(supervisor)["deaf"].pid
        await supervisor.stop()
        assert pid is not None
        assert not psutil.pid_exists(pid)

    async def test_one_that_dies_at_once_stops_all_and_is_told_with_its_log(
        self, tmp_path: Path
    ) -> None:
        wrong = web("two", tmp_path, code="raise SystemExit('GATEWAY_KEY is missing')")
        supervisor = Supervisor([web("one", tmp_path), wrong])
        with pytest.raises(StartError, match=r"two did not start(.|\n)*GATEWAY_KEY is missing"):
            await supervisor.start()
        assert {status.state for status in supervisor.status()} == {State.STOPPED}

    async def test_one_that_never_serves_is_given_up(self, tmp_path: Path) -> None:
        idle = web("idle", tmp_path, code="import time; time.sleep(60)")
        with pytest.raises(StartError, match="idle did not start"):
            await Supervisor([idle], start_timeout_s=0.5).start()


class TestRestart:
    async def test_a_dead_part_comes_back(self, tmp_path: Path) -> None:
        async with Supervisor([web("one", tmp_path), web("two", tmp_path)]) as supervisor:
            before = by_name(supervisor)
            supervisor.kill("two")
            assert by_name(supervisor)["two"].state is State.DOWN
            await supervisor.wait_ready("two", 10)
            after = by_name(supervisor)
        assert after["two"].pid != before["two"].pid
        assert after["two"].restarts == 1
        assert after["one"].pid == before["one"].pid

    async def test_one_that_keeps_dying_is_tried_again_and_again(self, tmp_path: Path) -> None:
        async with Supervisor([web("one", tmp_path)]) as supervisor:
            for deaths in range(1, 4):
                supervisor.kill("one")
                await supervisor.wait_ready("one", 10)
                assert by_name(supervisor)["one"].restarts == deaths

    async def test_stop_in_the_pause_before_a_restart(self, tmp_path: Path) -> None:
        supervisor = Supervisor([web("one", tmp_path)])
        await supervisor.start()
        supervisor.kill("one")
        await asyncio.sleep(0.05)
        await supervisor.stop()
        assert by_name(supervisor)["one"].state is State.STOPPED
        assert by_name(supervisor)["one"].pid is None

    async def test_a_server_comes_back_too(self) -> None:
        with throw_away_folder("broker") as folder:
            async with Supervisor([server(EmbeddedBroker(folder))]) as supervisor:
                supervisor.kill("broker")
                await supervisor.wait_ready("broker", 10)
                assert by_name(supervisor)["broker"].restarts == 1
            with EmbeddedBroker(folder):  # the supervisor gave the folder back
                pass


async def test_idle_costs_no_processor_time(tmp_path: Path) -> None:
    async with Supervisor([web("one", tmp_path)]):
        us = psutil.Process()
        before = sum(us.cpu_times()[:2])
        await asyncio.sleep(1)
        assert sum(us.cpu_times()[:2]) - before < 0.05
