"""What a network does to a start and to a fleet, judged by what the server read and applied."""

from __future__ import annotations

import asyncio
import errno
import gzip
import math
import socket
import subprocess
import sys
from random import Random

import aiohttp
import pytest
import trustme
from fault_network import Names, Sockets, blackhole, tls, trusting, tunnel
from fault_server import (
    FaultServer,
    Handler,
    Peer,
    Seen,
    chunked,
    honest,
    http,
    id_of,
    ids,
    in_turn,
    instance,
    mixed,
    requests,
    silent,
    tell_truth,
    vanish,
)
from hand_clock import HandClock
from standing import agree, check_report, client

import beeos_async as b
from beeos_async.emulator import Emulator

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("either_road"),
    # Other machines are named, and what would go there ends at a proxy on this one.
    pytest.mark.beeos(beeos_allow_network=True),
]


async def late(peer: Peer, seen: Seen) -> None:
    await asyncio.sleep(0.01)
    await tell_truth(peer, seen)


def applied_then(spoil: Handler) -> Handler:
    async def handler(peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await spoil(peer, seen)

    return handler


def sends(*chunks: bytes, hangs: bool = False) -> Handler:
    async def handler(peer: Peer, _: Seen) -> None:
        for chunk in chunks:
            await peer.send(chunk)
        if hangs:
            await peer.hang()
        raise ConnectionError

    return handler


# What never left.


@pytest.mark.fault("N1")
async def test_a_host_that_refuses_is_tried_four_times(clock: HandClock) -> None:
    """Nothing was sent, and the error says so."""
    async with FaultServer(honest()) as server, client(server, clock) as bee:
        await server.close_listener()
        with pytest.raises(b.NotSentError) as caught:
            await bee.start("inst-1")

    error = caught.value
    assert (error.reason, error.delivered, error.attempts) == ("connect", "no", 4)
    assert server.connections == 0


@pytest.mark.fault("N1")
async def test_a_fleet_waits_for_a_host_that_refuses_and_then_gives_up(clock: HandClock) -> None:
    """After five minutes every id is skipped, none is lost, and hardly anybody has knocked."""
    knocks: list[b.Attempt] = []
    async with FaultServer(honest()) as server:
        await server.close_listener()
        async with client(server, clock, on_attempt=knocks.append) as bee:
            report = await bee.start_many(ids(100))

    assert report.counts == {"skipped": 100}
    assert {one.reason for one in report.skipped} == {"outage"}
    check_report(report, ids(100))
    probes = 5 + 300 / 2.5
    assert len(knocks) <= 64 + probes


@pytest.mark.fault("N2")
async def test_a_host_that_comes_up_meanwhile_is_reached(clock: HandClock) -> None:
    """Two refusals, then one request."""

    class Opening(HandClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if len(self.slept) == 2:
                await server.open_listener()

    opening = Opening()
    async with FaultServer(honest()) as server, client(server, opening) as bee:
        await server.close_listener()
        assert (await bee.start("inst-1")).id == "inst-1"

    assert server.methods == ["POST"]
    assert len(opening.slept) == 2


@pytest.mark.fault("N3")
async def test_a_fleet_whose_host_has_no_name_stops_asking_for_it(clock: HandClock) -> None:
    """The host is found failing; everybody waits for it, and is skipped."""
    names = Names(error=OSError(socket.EAI_NONAME, "unknown"))
    connector = aiohttp.TCPConnector(resolver=names)
    async with client("http://nowhere.localhost", clock, connector=connector) as bee:
        report = await bee.start_many(ids(300))
    await connector.close()

    assert report.counts == {"skipped": 300}
    assert {one.reason for one in report.skipped} == {"outage"}
    assert names.asked <= 64 + 5 + 300 / 2.5
    check_report(report, ids(300))


@pytest.mark.fault("N3")
async def test_a_fleet_whose_resolver_is_out_of_order_waits_for_it(clock: HandClock) -> None:
    """A name that is unknown for two minutes costs no id, not even those that probe."""
    error = OSError(socket.EAI_AGAIN, "try again")
    names = Names("127.0.0.1", error=error, fails=120, clock=clock)
    connector = aiohttp.TCPConnector(resolver=names, use_dns_cache=False)
    async with FaultServer(honest()) as server:
        url = server.url.replace("127.0.0.1", "fleet.localhost")
        async with client(url, clock, connector=connector) as bee:
            report = await bee.start_many(ids(30))
        await connector.close()

    assert report.counts == {"succeeded": 30}
    assert sorted(server.applied) == sorted(ids(30))


@pytest.mark.fault("N4")
async def test_each_try_of_a_name_that_is_never_told_is_bounded(clock: HandClock) -> None:
    """Names count as connecting."""
    names = Names(hangs=True)
    connector = aiohttp.TCPConnector(resolver=names)
    began = asyncio.get_running_loop().time()
    async with client(
        "http://slow.localhost", clock, connector=connector, connect_timeout=0.05
    ) as bee:
        with pytest.raises(b.NotSentError) as caught:
            await bee.start("inst-1")
    await connector.close()

    assert caught.value.attempts == 4
    assert asyncio.get_running_loop().time() - began < 1.5


@pytest.mark.fault("N6")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog answers")
async def test_a_place_that_answers_no_syn_is_given_up_in_time(clock: HandClock) -> None:
    """Each try takes the connect timeout and no more; nothing was sent."""
    async with blackhole() as url:
        began = asyncio.get_running_loop().time()
        async with client(url, clock, connect_timeout=0.05, max_retries=1) as bee:
            with pytest.raises(b.NotSentError) as caught:
                await bee.start("inst-1")
        took = asyncio.get_running_loop().time() - began

    assert (caught.value.reason, caught.value.attempts) == ("connect", 2)
    assert 0.1 <= took < 1.5


@pytest.mark.fault("N7")
@pytest.mark.skipif(sys.platform != "linux", reason="only there all of 127/8 is this machine")
async def test_the_second_address_of_a_name_is_tried(clock: HandClock) -> None:
    """A name with one dead address is alive."""
    connector = aiohttp.TCPConnector(resolver=Names("127.0.0.2", "127.0.0.1"))
    async with FaultServer(honest()) as server:
        url = server.url.replace("127.0.0.1", "two.localhost")
        async with client(url, clock, connector=connector) as bee:
            await bee.start("inst-1")
        await connector.close()

    assert server.lines == ["POST /api/v1/instances/inst-1/start"]


@pytest.mark.fault("N28")
@pytest.mark.skipif(sys.platform != "linux", reason="only there all of 127/8 is this machine")
async def test_a_host_that_has_moved_is_found_at_once(
    clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name whose address leads nowhere is looked up again, and not remembered for a minute."""
    names = Names("127.0.0.2")
    monkeypatch.setattr(aiohttp.connector, "DefaultResolver", lambda **_: names)
    async with FaultServer(honest()) as server:
        async with client(server.url.replace("127.0.0.1", "two.localhost"), clock) as bee:
            with pytest.raises(b.NotSentError):
                await bee.start("inst-1")
            names.hosts = ("127.0.0.1",)
            await bee.start("inst-1")

    assert server.applied == ["inst-1"]


@pytest.mark.fault("N8", "N9")
@pytest.mark.parametrize(
    ("name", "expired", "trusts"),
    [
        pytest.param("localhost", True, True, id="expired"),
        pytest.param("localhost", False, False, id="not trusted"),
        pytest.param("elsewhere.example", False, True, id="for another host"),
    ],
)
async def test_a_certificate_that_will_not_do_ends_all_at_once(
    clock: HandClock, authority: trustme.CA, name: str, expired: bool, trusts: bool
) -> None:
    """One handshake, no retry, nothing sent; a fleet does not try it for each of its ids."""
    trust = trusting(authority) if trusts else None
    async with FaultServer(honest(), tls=tls(authority, name, expired=expired)) as server:
        async with client(server.url.replace("127.0.0.1", "localhost"), clock, ssl=trust) as bee:
            with pytest.raises(b.NotSentError) as caught:
                await bee.start("inst-1")
            report = await bee.start_many(ids(20), max_concurrency=2)

    assert (caught.value.reason, caught.value.attempts) == ("tls", 1)
    assert isinstance(report.fatal, b.NotSentError)
    assert {one.reason for one in report.skipped} == {"fatal"}
    assert len(report.failed) <= 2
    check_report(report, ids(20))
    assert server.seen == []


@pytest.mark.fault("N9")
async def test_a_tls_port_that_speaks_plain_text_is_given_nothing(clock: HandClock) -> None:
    """No request leaves, and there is no second try."""
    async with FaultServer(in_turn(sends(b"HTTP/1.1 400 Bad\r\n\r\n"))) as server:

        async def babble(peer: Peer) -> None:
            await peer.send(b"HTTP/1.1 400 Bad\r\n\r\n")

        server.scripts = (babble,)
        async with client(server.url.replace("http:", "https:"), clock) as bee:
            with pytest.raises(b.NotSentError) as caught:
                await bee.start("inst-1")

    assert (caught.value.reason, caught.value.attempts) == ("tls", 1)
    assert server.connections == 1


@pytest.mark.fault("N29")
@pytest.mark.parametrize(
    "babble",
    [b"HTTP/1.1 503 Wait\r\n\r\n", bytes.fromhex("15030300020250"), b""],
    ids=["plain text", "alert", "nothing"],
)
async def test_a_host_that_has_lost_its_tls_for_a_moment_ends_nothing(
    clock: HandClock, authority: trustme.CA, babble: bytes
) -> None:
    """What has spoken it before will do so again: that is an outage, and no wrong address."""

    async def leave(peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await peer.answer(instance(id_of(seen.target)), "200 OK", "Connection: close")
        raise ConnectionError

    async def stand_in(peer: Peer) -> None:
        await peer.reader.read(4096)
        await peer.send(babble)
        if stranger.connections == 2:
            await stranger.close_listener()
            await server.open_listener()

    stranger = FaultServer(stand_in)
    async with FaultServer(requests(leave), honest(), tls=tls(authority, "127.0.0.1")) as server:
        async with client(server.url, clock, ssl=trusting(authority)) as bee:
            await bee.start("inst-1")
            await server.close_listener()
            stranger.port = server.port
            async with stranger:
                report = await bee.start_many(["inst-2"])

    assert report.ok
    assert report["inst-2"].attempts == 3
    assert server.applied == ["inst-1", "inst-2"]


@pytest.mark.fault("N10")
async def test_a_handshake_that_is_never_answered_is_given_up_in_time(clock: HandClock) -> None:
    """TLS counts as connecting, too."""

    async def dumb(peer: Peer) -> None:
        await peer.hang()

    async with FaultServer(dumb) as server:
        async with client(
            server.url.replace("http:", "https:"), clock, connect_timeout=0.05, max_retries=1
        ) as bee:
            began = asyncio.get_running_loop().time()
            with pytest.raises(b.NotSentError) as caught:
                await bee.start("inst-1")
            took = asyncio.get_running_loop().time() - began

    assert caught.value.attempts == 2
    assert took < 1.5


@pytest.mark.fault("N25")
@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        pytest.param(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", 1, id="407"),
        pytest.param(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", 4, id="502"),
        pytest.param(b"", 4, id="closes"),
        pytest.param(b"garbage\r\n\r\n", 4, id="nonsense"),
        pytest.param(None, 4, id="hangs"),
    ],
)
async def test_a_proxy_that_does_not_connect_is_tried_again_unless_it_wants_a_password(
    clock: HandClock, answer: bytes | None, tries: int
) -> None:
    """Whatever it says to CONNECT is no answer to the request, which never left."""

    async def refuse(peer: Peer, _: Seen) -> None:
        if answer is None:
            await peer.hang()
        await peer.send(answer or b"")
        raise ConnectionError

    async with FaultServer(requests(refuse)) as proxy:
        async with client(
            "https://openapi.example", clock, proxy=proxy.url, connect_timeout=0.1
        ) as bee:
            with pytest.raises(b.NotSentError) as caught:
                await bee.start("inst-1")

    assert caught.value.attempts == tries
    assert caught.value.reason == ("connect" if answer is None else "proxy")
    assert proxy.methods == ["CONNECT"] * tries
    assert all("authorization" not in one.headers for one in proxy.seen)


@pytest.mark.fault("N25")
async def test_a_proxy_that_connects_carries_the_call(
    clock: HandClock, authority: trustme.CA
) -> None:
    """What it carries it cannot read: the key is in the tunnel."""
    async with FaultServer(honest(), tls=tls(authority)) as server:
        async with FaultServer(tunnel(server.port)) as proxy:
            url = server.url.replace("127.0.0.1", "localhost")
            async with client(url, clock, proxy=proxy.url, ssl=trusting(authority)) as bee:
                await bee.start("inst-1")

    assert proxy.methods == ["CONNECT"]
    assert server.methods == ["POST"]


SCARCE = """
import asyncio, resource, sys
from beeos_async import AsyncBeeOS

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
    locals_ = []
    def count(attempt):
        if attempt.error is not None:
            locals_.append(attempt.error.reason)
    async with AsyncBeeOS("k", base_url=sys.argv[1], max_concurrency=150, on_attempt=count) as bee:
        report = await bee.start_many([f"inst-{n}" for n in range(600)])
    print(report.counts, set(locals_))

asyncio.run(main())
"""


@pytest.mark.fault("N26")
@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
async def test_a_machine_out_of_sockets_starts_its_fleet_all_the_same() -> None:
    """More in flight than descriptors: what found none is sent when others have ended."""

    async with FaultServer(requests(late)) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SCARCE, server.url, stdout=subprocess.PIPE
        )
        told, _ = await process.communicate()

    assert told.decode().split("\n")[0] == "{'succeeded': 600} {'local'}"
    assert len(server.applied) == 600


@pytest.mark.fault("N26")
async def test_a_fleet_larger_than_its_sockets_waits_for_them(clock: HandClock) -> None:
    """Each id is sent once; to find no socket is no failed try."""
    connector = aiohttp.TCPConnector(socket_factory=Sockets(5))
    async with FaultServer(requests(late)) as server:
        async with client(server, clock, connector=connector, max_retries=0) as bee:
            report = await bee.start_many(ids(100), max_concurrency=20)
        await connector.close()

    assert report.ok
    check_report(report, ids(100))
    assert server.methods == ["POST"] * 100


@pytest.mark.fault("N26")
async def test_a_call_that_finds_no_socket_and_nobody_to_wait_for_fails(clock: HandClock) -> None:
    """Four tries, and the error says whose trouble it is."""
    connector = aiohttp.TCPConnector(socket_factory=Sockets(0))
    async with FaultServer(honest()) as server:
        async with client(server, clock, connector=connector) as bee:
            with pytest.raises(b.NotSentError) as caught:
                await bee.start("inst-1")
        await connector.close()

    assert (caught.value.reason, caught.value.attempts) == ("local", 4)


@pytest.mark.fault("N26")
async def test_a_look_waits_for_a_socket_too(clock: HandClock) -> None:
    """The start is in doubt meanwhile, and is not sent again."""
    connector = aiohttp.TCPConnector(socket_factory=Sockets(2))
    async with FaultServer(requests(applied_then(vanish)), requests(late)) as server:
        async with client(server, clock, connector=connector, max_retries=0) as bee:
            lost = asyncio.create_task(bee.start("inst-1"))
            await asyncio.sleep(0)
            await asyncio.gather(lost, bee.start("inst-2"))
        await connector.close()

    assert server.methods == ["POST", "POST", "GET"]


@pytest.mark.fault("N26")
async def test_a_probe_that_finds_no_socket_does_not_find_the_host_well(clock: HandClock) -> None:
    """The host is down all the while, and is asked by one probe at a time."""

    def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
        nonlocal lost
        if lost < 5 and bee._caller.gate.brake.wait(clock.now()) == math.inf:
            lost += 1
            raise OSError(errno.EMFILE, "no more")
        made = socket.socket(*address[:3])
        made.setblocking(False)
        return made

    lost = 0
    connector = aiohttp.TCPConnector(socket_factory=open_socket)
    async with Emulator(instances=200, boot_time=0, clock=clock) as cloud:
        cloud.faults.outage(30, "reset")
        async with cloud.client(_clock=clock, connector=connector) as bee:
            report = await bee.start_many(cloud.ids)
        await connector.close()
        failed = [entry for entry in cloud.log if not entry.status]

    assert lost == 5
    assert report.ok
    # Those that opened the brake, and a probe after 0.25, 0.5, 1 s and so on.
    assert len(failed) <= 60


@pytest.mark.fault("N26")
async def test_nobody_waits_for_a_socket_past_a_deadline() -> None:
    """What was never sent is skipped for the deadline."""
    connector = aiohttp.TCPConnector(socket_factory=Sockets(1))
    async with FaultServer(requests(silent)) as server:
        async with client(server, connector=connector) as bee:
            report = await bee.start_many(ids(2), deadline=0.1)
        await connector.close()

    assert report.counts == {"unknown": 1, "skipped": 1}
    check_report(report, ids(2))


# What may have arrived.


async def reset(peer: Peer) -> None:
    peer.rst()
    raise ConnectionError


@pytest.mark.fault("N11")
async def test_a_connection_reset_before_it_was_read_is_looked_after(clock: HandClock) -> None:
    """The client cannot know that nothing was read: it looks, and starts once."""
    async with FaultServer(reset, honest()) as server, client(server, clock) as bee:
        await bee.start("inst-1")
        report = await bee.start_many(["inst-2"])

    assert report.ok
    # Where the reset overtakes the request, it never left, and there is nothing to look for.
    assert server.methods[:-1] in (["GET", "POST"], ["POST"])
    assert server.applied == ["inst-1", "inst-2"]


@pytest.mark.fault("N12", "N13")
@pytest.mark.parametrize("applied", [True, False])
async def test_a_fleet_whose_answers_are_lost_starts_each_of_its_ids_once(
    clock: HandClock, applied: bool
) -> None:
    """What took is found by a look; what did not is sent once more."""
    lost = applied_then(vanish) if applied else vanish
    told: set[str] = set()

    async def answer(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST" and seen.target not in told and seen.target.endswith("7/start"):
            told.add(seen.target)
            await lost(peer, seen)
        await tell_truth(peer, seen)

    async with FaultServer(requests(answer)) as server, client(server, clock) as bee:
        report = await bee.start_many(ids(100))

    assert report.ok
    check_report(report, ids(100))
    agree(report, server.applied)
    assert server.methods.count("GET") == 10
    assert server.methods.count("POST") == (100 if applied else 110)


@pytest.mark.fault("N31")
@pytest.mark.parametrize("when", ["made", "in use"])
async def test_a_fleet_half_of_whose_connections_are_reset_is_told_as_it_happened(
    clock: HandClock, when: str
) -> None:
    """Whatever is lost on the way, nothing is claimed, denied or done twice."""
    dice = Random(7)  # noqa: S311 -- the same each time

    async def reset_half(peer: Peer) -> None:
        while when == "in use" or dice.random() < 0.5:
            seen = await peer.read()
            if when == "in use" and dice.random() < 0.5:
                if seen.method == "POST" and dice.random() < 0.5:
                    peer.apply(id_of(seen.target))
                break
            await tell_truth(peer, seen)
        peer.rst()

    async with FaultServer(reset_half) as server:
        async with client(server, clock) as bee:
            report = await bee.start_many(ids(300))

    check_report(report, ids(300))
    agree(report, server.applied)
    assert len(report.succeeded) > 250


@pytest.mark.fault("N32")
async def test_a_fleet_that_is_let_in_by_a_few_connections_is_told_as_it_happened(
    clock: HandClock,
) -> None:
    """Who finds the door shut loses tries, and at worst is told to be unknown."""
    inside = 0

    async def let_in(peer: Peer) -> None:
        nonlocal inside
        if inside >= 20:
            peer.rst()
            return
        inside += 1
        try:
            while True:
                await late(peer, await peer.read())
        finally:
            inside -= 1

    async with FaultServer(let_in) as server:
        async with client(server, clock) as bee:
            report = await bee.start_many(ids(500))

    check_report(report, ids(500))
    agree(report, server.applied)
    assert len(report.succeeded) > 400


@pytest.mark.fault("N15")
@pytest.mark.parametrize("applied", [True, False])
async def test_a_connection_that_closes_as_it_is_used_again_is_looked_after(
    clock: HandClock, applied: bool
) -> None:
    """The keep-alive race: the second request of a connection is read, and the end is answered."""
    race = applied_then(vanish) if applied else vanish
    async with FaultServer(requests(tell_truth, race), honest()) as server:
        async with client(server, clock) as bee:
            await bee.start("inst-1")
            await bee.start("inst-2")

    assert server.methods == ["POST", "POST", "GET"] + ["POST"] * (not applied)
    assert server.applied == ["inst-1", "inst-2"]
    assert server.seen[1].connection == 0


@pytest.mark.fault("N16", "N17")
@pytest.mark.parametrize("status", ["200 OK", "408 Request Timeout"])
async def test_no_pushed_answer_is_ever_taken_for_an_ids_own(
    clock: HandClock, status: str
) -> None:
    """A thousand ids, an answer for nobody after every twentieth: not one is mistaken."""

    async def push(peer: Peer, seen: Seen) -> None:
        await tell_truth(peer, seen)
        peer.push_when_idle(http(instance("evil"), status), after=0)

    async with FaultServer(mixed({"push": push}, 0.05)) as server:
        async with client(server, clock, max_concurrency=20) as bee:
            report = await bee.start_many(ids(1000))

    assert report.ok
    check_report(report, ids(1000))
    assert all(id == one.id for id, one in report.instances.items())
    agree(report, server.applied)


@pytest.mark.fault("N19")
async def test_what_is_never_answered_is_given_up_in_time_and_stays_in_doubt(
    clock: HandClock,
) -> None:
    """One start, four looks, each for as long as an attempt may take."""
    async with FaultServer(requests(silent)) as server, client(server, clock, timeout=0.2) as bee:
        began = asyncio.get_running_loop().time()
        with pytest.raises(b.RequestTimeoutError) as caught:
            await bee.start("inst-1")
        took = asyncio.get_running_loop().time() - began
        report = await bee.start_many(["inst-2"])

    assert caught.value.delivered == "maybe"
    assert report.counts == {"unknown": 1}
    check_report(report)
    assert server.methods == (["POST"] + ["GET"] * 4) * 2
    assert 1.0 <= took < 5.0


@pytest.mark.fault("N19")
async def test_a_start_that_is_never_answered_is_looked_after_before_each_try(
    clock: HandClock,
) -> None:
    """No second start without a look that says the first has not taken."""

    async def deaf(peer: Peer, seen: Seen) -> None:
        await (silent if seen.method == "POST" else tell_truth)(peer, seen)

    async with FaultServer(requests(deaf)) as server, client(server, clock, timeout=0.2) as bee:
        with pytest.raises(b.RequestTimeoutError) as caught:
            await bee.start("inst-1")

    assert server.methods == ["POST", "GET"] * 4
    assert (caught.value.attempts, caught.value.delivered) == (4, "maybe")


@pytest.mark.fault("N20")
async def test_an_answer_that_trickles_is_given_up_in_time(clock: HandClock) -> None:
    """A byte now and then is no answer: silence is not all that is guarded against."""

    async def trickle(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST":
            peer.apply(id_of(seen.target))
            await peer.send_slow(http(instance(id_of(seen.target))), pause=0.02)
        await tell_truth(peer, seen)

    async with FaultServer(requests(trickle)) as server:
        async with client(server, clock, timeout=0.3) as bee:
            began = asyncio.get_running_loop().time()
            await bee.start("inst-1")
            took = asyncio.get_running_loop().time() - began

    assert server.methods == ["POST", "GET"]
    # Three seconds and more would be all of it.
    assert took < 2.5


HELLO = chunked(b'{"succ')
BROKEN = {
    "no number": HELLO + b"QQ\r\n",
    "a number beyond all bounds": HELLO + b"FFFFFFFFFFFFFFFFFF\r\n",
    "no end of line": HELLO + b"5\r\nhelloXX",
    "an answer inside the answer": HELLO + b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
    "a negative number": HELLO + b"-5\r\nhello\r\n",
    "a chunk shorter than it says": HELLO + b"50\r\nshort\r\n0\r\n\r\n",
}


@pytest.mark.fault("N21")
@pytest.mark.parametrize("hangs", [True, False], ids=["stays", "closes"])
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_a_malformed_chunk_neither_hangs_nor_lies(
    clock: HandClock, answer: bytes, hangs: bool
) -> None:
    """aiohttp may wait for ever for what can never come; one look tells what became of it."""
    handler = applied_then(sends(answer, hangs=hangs))
    async with FaultServer(requests(handler), honest()) as server:
        async with asyncio.timeout(30), client(server, clock, timeout=0.3) as bee:
            await bee.start("inst-1")

    assert server.methods == ["POST", "GET"]
    assert server.applied == ["inst-1"]


WHOLE = instance("inst-1")
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CUT = {
    "in the status line": b"HTTP/1.1 200 O",
    "in the headers": PLAIN + b"Content-Le",
    "before its length": PLAIN + b"Content-Length: 9999\r\n\r\n" + WHOLE,
    "before the last chunk": chunked(WHOLE),
    "without a length": PLAIN + b"Connection: close\r\n\r\n" + WHOLE[:-5],
    "in its compression": http(gzip.compress(WHOLE)[:-30], "200 OK", "Content-Encoding: gzip"),
    "longer than its length": PLAIN + b"Content-Length: 5\r\n\r\n" + WHOLE,
}


@pytest.mark.fault("N22", "N23")
@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("answer", CUT.values(), ids=CUT)
async def test_half_an_answer_is_none(clock: HandClock, answer: bytes, applied: bool) -> None:
    """Wherever it was cut: a look tells whether the start took."""
    handler = applied_then(sends(answer)) if applied else sends(answer)
    async with FaultServer(requests(handler), honest()) as server, client(server, clock) as bee:
        assert (await bee.start("inst-1")).desired_status == "running"

    assert server.methods == ["POST", "GET"] + ["POST"] * (not applied)
    assert server.applied == ["inst-1"]


@pytest.mark.fault("N22")
async def test_an_answer_cut_at_any_byte_is_never_a_whole_one(clock: HandClock) -> None:
    """Every position: each start is looked after, and none is sent twice."""
    whole = http(instance("inst-100"))
    cuts = [f"inst-{100 + count}" for count in range(len(whole))]

    async def cut(peer: Peer, seen: Seen) -> None:
        if seen.method == "POST":
            peer.limit_data(int(id_of(seen.target)[5:]) - 100)
        await tell_truth(peer, seen)

    async with FaultServer(requests(cut)) as server, client(server, clock) as bee:
        started = await asyncio.gather(*map(bee.start, cuts))

    assert [one.id for one in started] == cuts
    assert server.methods.count("GET") == len(cuts)
    assert sorted(server.applied) == cuts


@pytest.mark.fault("N24")
@pytest.mark.parametrize(("slice", "pause"), [(1, 0.0), (16, 0.005), (1000, 0.1)])
async def test_a_line_that_is_slow_and_late_carries_a_start(
    clock: HandClock, slice: int, pause: float
) -> None:
    """Byte by byte, or late: an answer that comes whole and in time is one."""

    async def slowly(peer: Peer, seen: Seen) -> None:
        peer.apply(id_of(seen.target))
        await peer.send_slow(http(instance(id_of(seen.target))), slice=slice, pause=pause)

    async with FaultServer(requests(slowly)) as server, client(server, clock) as bee:
        await bee.start("inst-1")

    assert server.methods == ["POST"]


# Everything at once.


@pytest.mark.fault("N27")
async def test_a_server_that_dies_and_comes_back_costs_nobody_anything() -> None:
    """The run waits, goes on, and starts every id exactly once."""
    fleet = ids(400)

    class Quick(HandClock):
        async def sleep(self, seconds: float) -> None:
            # Fast, but not so fast that the outage is over before it was noticed.
            await asyncio.sleep(0.01)
            await super().sleep(seconds)

    async with FaultServer(requests(late)) as server:
        async with client(server, Quick(), max_concurrency=40) as bee:
            run = asyncio.create_task(bee.start_many(fleet))
            for _ in range(2):
                before = len(server.seen)
                while len(server.seen) < before + 80:
                    await asyncio.sleep(0.001)
                await server.die()
                await asyncio.sleep(0.05)
                await server.open_listener()
            report = await run

    assert report.ok
    check_report(report, fleet)
    agree(report, server.applied)


async def cut_answer(peer: Peer, seen: Seen) -> None:
    peer.limit_data(60)
    await tell_truth(peer, seen)


async def push(peer: Peer, seen: Seen) -> None:
    await tell_truth(peer, seen)
    peer.push_when_idle(http(instance("evil")), after=0)


async def refuse_late(peer: Peer, seen: Seen) -> None:
    peer.apply(id_of(seen.target))
    await peer.answer(b"<html>Bad Gateway</html>", "502 Bad Gateway")


async def other_id(peer: Peer, seen: Seen) -> None:
    peer.apply(id_of(seen.target))
    await peer.answer(instance("inst-other"))


async def break_off(peer: Peer, _: Seen) -> None:
    peer.rst()
    raise ConnectionError


@pytest.mark.fault("N12", "N13", "N16", "N21", "N22", "H16", "H17", "P7")
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_fleet_through_every_kind_of_trouble_is_told_as_it_happened(
    clock: HandClock, seed: int
) -> None:
    """A quarter of the starts goes wrong, in twelve ways: nothing lost, nothing done twice."""
    kinds: dict[str, Handler] = {
        "lost": vanish,
        "lost after": applied_then(vanish),
        "reset": break_off,
        "reset after": applied_then(break_off),
        "cut after": cut_answer,
        "malformed": applied_then(sends(BROKEN["no number"])),
        "inside": sends(BROKEN["an answer inside the answer"]),
        "pushed": push,
        "502 after": refuse_late,
        "other id": other_id,
        "no http": applied_then(sends(b"nonsense\r\n\r\n")),
        "bomb": applied_then(sends(http(b"\x1f\x8b garbage", "200 OK", "Content-Encoding: gzip"))),
    }
    async with FaultServer(mixed(kinds, 0.25, seed)) as server:
        async with client(server, clock, timeout=1.0, max_concurrency=32) as bee:
            report = await bee.start_many(ids(1000))

    check_report(report, ids(1000))
    agree(report, server.applied)
    assert not report.failed
    assert len(report.unknown) <= 5
    assert len(server.seen) <= 1600


@pytest.mark.fault("N20", "N21", "N22")
@pytest.mark.parametrize("trouble", ["malformed", "cut", "trickle"])
async def test_what_the_pretend_cloud_does_below_http_is_survived(
    clock: HandClock, trouble: str
) -> None:
    """A user's own test meets the same trouble, and finds every id started once."""
    async with Emulator(instances=20, boot_time=0.0) as cloud:
        if trouble == "trickle":
            cloud.faults.delay("startInstance", 0.02, trickle=True, ids=cloud.ids[:3])
        else:
            malformed = trouble == "malformed"
            cloud.faults.cut("startInstance", malformed=malformed, ids=cloud.ids[:3], times=3)
        async with client(cloud.url, clock, timeout=0.2) as bee:
            report = await bee.start_many(cloud.ids)

    assert report.ok
    assert [cloud.effects(id) for id in cloud.ids] == [1] * 20
