"""What both groups of devices promise alike: repeats, leases, reach, quotas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fault_server import FaultServer, Peer, Seen, requests
from hand_clock import HandClock

import beeos_async as b
from beeos_async import AsyncBeeOS
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

ACTIONS: dict[str, Callable[[AsyncBeeOS, str], Awaitable[bool]]] = {
    "computerClick": lambda bee, one: bee.computer.click(one, x=10, y=20),
    "computerMove": lambda bee, one: bee.computer.move(one, x=10, y=20),
    "computerScroll": lambda bee, one: bee.computer.scroll(one, direction="down"),
    "computerType": lambda bee, one: bee.computer.type(one, text="milk"),
    "computerKey": lambda bee, one: bee.computer.key(one, keys=["enter"]),
    "mobileTap": lambda bee, one: bee.mobile.tap(one, x=10, y=20),
    "mobileDoubleTap": lambda bee, one: bee.mobile.double_tap(one, x=10, y=20),
    "mobileLongPress": lambda bee, one: bee.mobile.long_press(one, x=10, y=20),
    "mobileDrag": lambda bee, one: bee.mobile.drag(one, x1=1, y1=2, x2=3, y2=4),
    "mobileSwipe": lambda bee, one: bee.mobile.swipe(one, x1=1, y1=2, x2=3, y2=4),
    "mobileScroll": lambda bee, one: bee.mobile.scroll(one, direction="down"),
    "mobileType": lambda bee, one: bee.mobile.type(one, text="milk"),
    "mobileKey": lambda bee, one: bee.mobile.key(one, keys=["KEYCODE_ENTER"]),
    "mobilePressButton": lambda bee, one: bee.mobile.press_button(one, button="home"),
    "mobileOpenApp": lambda bee, one: bee.mobile.open_app(one, app="net.example.mail"),
}
READS: dict[str, Callable[[AsyncBeeOS, str], Awaitable[Any]]] = {
    "getComputerInfo": lambda bee, one: bee.computer.info(one),
    "computerScreenshot": lambda bee, one: bee.computer.screenshot(one),
    "getMobileInfo": lambda bee, one: bee.mobile.info(one),
    "mobileScreenshot": lambda bee, one: bee.mobile.screenshot(one),
    "mobileListApps": lambda bee, one: bee.mobile.apps(one),
    "mobileGetUiTree": lambda bee, one: bee.mobile.ui_tree(one),
}

every_action = pytest.mark.parametrize("operation", ACTIONS)
every_read = pytest.mark.parametrize("operation", READS)


def device(cloud: Emulator, operation: str) -> str:
    system = "android" if "obile" in operation else "linux"
    return cloud.world.add_instance(status="running", os_type=system)


@every_action
async def test_an_action_whose_answer_was_lost_is_not_done_again(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """Two clicks are not one click: the error says that nobody knows."""
    id = device(cloud, operation)
    cloud.faults.disconnect(operation, when="after")

    with pytest.raises(b.ConnectionLostError) as caught:
        await ACTIONS[operation](bee, id)

    assert (caught.value.delivered, caught.value.attempts) == ("maybe", 1)
    assert len(cloud.world.devices.actions(id)) == 1
    assert [entry.operation for entry in cloud.log] == [operation]


@every_action
@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "device_offline"), (500, "internal_error"), (504, "service_timeout")],
)
async def test_an_action_that_may_have_been_done_is_not_done_again(
    operation: str, status: int, code: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """A channel that is down tells nothing about what went through it before."""
    id = device(cloud, operation)
    cloud.faults.refuse(operation, status, code=code, when="after")

    with pytest.raises(b.ServerError) as caught:
        await ACTIONS[operation](bee, id)

    assert (caught.value.code, caught.value.delivered) == (code, "maybe")
    assert len(cloud.world.devices.actions(id)) == 1
    assert len(cloud.log) == 1


@every_action
async def test_an_action_that_was_certainly_not_done_is_sent_again(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """A quota that is full, or whose ledger is away, refuses before the device hears of it."""
    id = device(cloud, operation)
    cloud.faults.refuse(operation, 503, code="control_rate_limit_unavailable")
    cloud.faults.refuse(operation, 429, retry_after=1)

    assert await ACTIONS[operation](bee, id) is True

    assert len(cloud.world.devices.actions(id)) == 1
    assert [entry.status for entry in cloud.log] == [503, 429, 200]


@every_action
async def test_a_device_that_somebody_else_holds_is_a_conflict(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """At once, once, and for good: to try later is another intent."""
    id = device(cloud, operation)
    cloud.world.devices.hold(id)

    with pytest.raises(b.ConflictError) as caught:
        await ACTIONS[operation](bee, id)

    assert (caught.value.code, caught.value.delivered) == ("device_busy", "no")
    assert (cloud.world.devices.actions(id), len(cloud.log)) == ([], 1)
    cloud.world.devices.release(id)
    assert await ACTIONS[operation](bee, id) is True


@every_read
async def test_a_device_is_looked_at_beside_its_writer(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """A lease keeps out who acts, not who looks."""
    id = device(cloud, operation)
    cloud.world.devices.hold(id)

    assert await READS[operation](bee, id)


@every_read
async def test_a_look_is_repeated(operation: str, cloud: Emulator, bee: AsyncBeeOS) -> None:
    """A second picture harms nobody."""
    id = device(cloud, operation)
    cloud.faults.disconnect(operation, when="after")
    cloud.faults.refuse(operation, 503, code="device_offline")

    assert await READS[operation](bee, id)

    assert [entry.status for entry in cloud.log] == [0, 503, 200]


@every_read
async def test_a_conflict_of_a_look_is_a_conflict(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The contract lists it for some and means it for all; nobody waits for it."""
    id = device(cloud, operation)
    cloud.faults.refuse(operation, 409, code="device_busy")

    with pytest.raises(b.ConflictError, match="device_busy"):
        await READS[operation](bee, id)

    assert len(cloud.log) == 1


@pytest.mark.parametrize("operation", [*ACTIONS, *READS])
async def test_a_phone_is_no_desktop(operation: str, cloud: Emulator, bee: AsyncBeeOS) -> None:
    """Nor the other way round: neither is found under the other's routes."""
    id = device(cloud, "computer" if "obile" in operation else "mobile")

    with pytest.raises(b.NotFoundError) as caught:
        await {**ACTIONS, **READS}[operation](bee, id)

    assert caught.value.code == "agent_not_found"


@pytest.mark.parametrize("operation", [*ACTIONS, *READS])
async def test_a_device_out_of_reach(operation: str, cloud: Emulator, bee: AsyncBeeOS) -> None:
    """What it is can be asked all the same; for the rest it is not there."""
    system = "android" if "obile" in operation else "linux"
    id = cloud.world.add_instance(status="stopped", os_type=system)
    call = {**ACTIONS, **READS}[operation](bee, id)

    if operation.startswith("get"):
        assert await call == b.ControlInfo(os=system, coordinate_system="absolute_pixels")
    else:
        with pytest.raises(b.ServiceUnavailableError, match="device_offline"):
            await call


@pytest.mark.parametrize("operation", [*ACTIONS, *READS])
async def test_a_body_that_says_nothing_is_no_error(operation: str, clock: HandClock) -> None:
    """A 200 without data is full of "not set", for every method of both groups."""

    async def nothing(peer: Peer, _: Seen) -> None:
        await peer.answer(b'{"success":true}')

    async with (
        FaultServer(requests(nothing)) as server,
        AsyncBeeOS("k", base_url=server.url, _clock=clock) as bee,
    ):
        found = await {**ACTIONS, **READS}[operation](bee, "inst-1")

    empty = [False, [], b.ControlInfo(), b.Screenshot(), b.UITree()]
    assert found in empty
    assert len(server.seen) == 1


async def test_verbs_that_are_not_told_are_no_obstacle(cloud: Emulator, bee: AsyncBeeOS) -> None:
    """An older runtime does not say what it can, and can it all the same."""
    id = device(cloud, "computer")
    cloud.world.devices.script(id, silent=True)

    assert (await bee.computer.info(id)).supported_actions == []
    assert await bee.computer.click(id, x=1, y=1) is True


async def test_a_verb_that_is_not_offered_is_a_bad_request(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """By the server's word; it is not asked twice."""
    id = device(cloud, "mobile")
    cloud.world.devices.script(id, unsupported=["double_tap"])

    with pytest.raises(b.BadRequestError, match="action_unsupported"):
        await bee.mobile.double_tap(id, x=1, y=1)

    assert "double_tap" not in (await bee.mobile.info(id)).supported_actions
    assert len(cloud.log) == 2


async def test_what_makes_no_sense_is_refused_before_any_request(
    cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """Words, counts and keys are checked on this side of the wire."""
    id, phone, desk = device(cloud, "mobile"), bee.mobile, bee.computer

    for call in (
        desk.click(id, x=1, y=1, button="back"),  # type: ignore[arg-type]
        desk.click(id, x=1.5, y=1),  # type: ignore[arg-type]
        desk.click("", x=1, y=1),
        desk.scroll(id, direction="north"),  # type: ignore[arg-type]
        desk.key(id, keys=[]),
        phone.key(id, keys=["a", "b"]),
        phone.press_button(id, button="left"),  # type: ignore[arg-type]
        phone.open_app(id, app=""),
        phone.ui_tree(id, format="xml"),  # type: ignore[arg-type]
        phone.tap(id, x=1, y=1, deadline=-1),
    ):
        with pytest.raises(b.ConfigurationError):
            await call

    assert cloud.log == []


# Quotas ---------------------------------------------------------------------------------------


async def test_the_published_quotas_are_kept_without_a_429(
    clock: HandClock, anyio_backend: str
) -> None:
    """Clicks, pictures and taps go together at 60 a minute, questions apart from them at 300."""
    async with Emulator(instances=0, clock=clock) as cloud, cloud.client(_clock=clock) as bee:
        desk, phone = device(cloud, "computer"), device(cloud, "mobile")
        began = clock.now()

        for _ in range(40):
            await bee.computer.click(desk, x=1, y=1)
            await bee.mobile.tap(phone, x=1, y=1)
            await bee.mobile.screenshot(phone)
        acted = clock.now() - began
        for _ in range(125):
            await bee.computer.info(desk)
            await bee.mobile.info(phone)

        known = bee.throttle.snapshot()

    assert {entry.status for entry in cloud.log} == {200}
    # A part of the burst is spared, and a hundredth of the rate.
    assert 60 <= acted <= 69
    assert clock.now() - began == acted
    assert {bucket: state.refusals for bucket, state in known.items()} == {
        "control-action": 0,
        "control-info": 0,
    }
    assert known["control-action"].paced


async def test_the_quota_is_the_owners_whatever_the_client(
    clock: HandClock, anyio_backend: str
) -> None:
    """Another client of the same owner draws on it too: its 429s delay, and fail nothing."""
    async with (
        Emulator(instances=0, clock=clock) as cloud,
        cloud.client(_clock=clock) as one,
        cloud.client(_clock=clock) as other,
    ):
        desk = device(cloud, "computer")

        for _ in range(40):
            await one.computer.click(desk, x=1, y=1)
            await other.computer.click(desk, x=2, y=2)

    statuses = [entry.status for entry in cloud.log]
    assert len(cloud.world.devices.actions(desk)) == statuses.count(200) == 80
    assert 1 <= statuses.count(429) <= 40


async def test_a_quota_that_was_raised_can_be_said(clock: HandClock, anyio_backend: str) -> None:
    """By the bucket's name, or by any operation that draws on it."""
    raised: list[dict[str, Any]] = [{"control-action": "600/min"}, {"mobileTap": "600/min"}]
    async with Emulator(instances=0, quota={"computerClick": "600/min"}, clock=clock) as cloud:
        desk = device(cloud, "computer")
        for limit in raised:
            async with cloud.client(_clock=clock, rate_limit=limit) as bee:
                began = clock.now()
                for _ in range(200):
                    await bee.computer.click(desk, x=1, y=1)
                assert clock.now() == began

    assert {entry.status for entry in cloud.log} == {200}


# Pictures -------------------------------------------------------------------------------------

FETCH: dict[str, Callable[..., Awaitable[bytes]]] = {
    "computerScreenshot": lambda bee, one, **how: bee.computer.screenshot_bytes(one, **how),
    "mobileScreenshot": lambda bee, one, **how: bee.mobile.screenshot_bytes(one, **how),
}
every_fetch = pytest.mark.parametrize("operation", FETCH)


@every_fetch
async def test_a_picture_is_fetched_without_the_key(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """Two requests, the second to a store that refuses whoever brings a credential."""
    id = device(cloud, operation)

    picture = await FETCH[operation](bee, id)

    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert [entry.operation for entry in cloud.log] == [operation]
    assert [entry.status for entry in cloud.store.log] == [200]


@every_fetch
async def test_a_picture_that_does_not_come_is_taken_again(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """At a fresh address; nothing of the first is mixed into the second."""
    id = device(cloud, operation)
    cloud.faults.cut("getObject")
    cloud.faults.refuse("getObject", 503)

    picture = await FETCH[operation](bee, id)

    assert picture.endswith(b"IEND\xaeB`\x82")
    assert [entry.status for entry in cloud.store.log] == [0, 503, 200]
    assert len({entry.ids for entry in cloud.store.log}) == len(cloud.log) == 3


@every_fetch
async def test_a_picture_nobody_can_take_is_not_fetched(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The error is the screenshot's own, and a picture without an address is an error too."""
    id = device(cloud, operation)
    cloud.world.devices.script(id, unsupported=["screenshot"])
    with pytest.raises(b.BadRequestError, match="action_unsupported"):
        await FETCH[operation](bee, id)
    cloud.world.devices.script(id)

    cloud.faults.garble(operation, b'{"success":true}', content_type="application/json")
    with pytest.raises(b.DecodeError, match="address"):
        await FETCH[operation](bee, id)

    assert cloud.store.log == []


@every_fetch
async def test_a_picture_that_is_waited_for_too_long_is_given_up(
    operation: str, cloud: Emulator, bee: AsyncBeeOS
) -> None:
    """The deadline is for both requests together."""
    id = device(cloud, operation)
    cloud.faults.silence("getObject")

    with pytest.raises(b.RequestTimeoutError) as caught:
        await FETCH[operation](bee, id, deadline=0.2)

    assert caught.value.gave_up == "deadline"
