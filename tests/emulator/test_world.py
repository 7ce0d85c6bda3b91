"""The world on a clock wound by hand: what it is told, and where its instances are by then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hand_clock import HandClock

from beeos_async.emulator import World
from beeos_async.emulator.refusals import RefusedError
from beeos_async.errors import ConfigurationError
from beeos_async.models.instances import DeployInstance, Instance


def opened(clock: HandClock) -> datetime:
    return datetime.fromtimestamp(clock.wall(), UTC)


def trail(world: World, clock: HandClock, id: str, seconds: float) -> list[tuple[str, str, str]]:
    """Look often, and keep what is new."""
    seen: list[tuple[str, str, str]] = []
    for _ in range(400):
        one = world.get(id)
        state = (one.status, one.connectivity, one.ms_connection_status)
        if state not in seen:
            seen.append(state)
        clock.time += seconds / 400
    return seen


def test_a_start_leads_through_all_states_to_connected(clock: HandClock) -> None:
    """An instance boots, comes online, and connects, one after the other, with time alone."""
    world = World(clock, boot_time=8.0, online_time=4.0)
    id = world.add_instance()

    told = world.start(id)

    assert (told.status, told.desired_status) == ("pending", "running")
    assert trail(world, clock, id, 40.0) == [
        ("pending", "offline", "unknown"),
        ("provisioning", "offline", "unknown"),
        ("running", "offline", "connecting"),
        ("running", "online", "connecting"),
        ("running", "online", "connected"),
    ]


def test_an_answer_to_a_start_is_from_before_it_moved(clock: HandClock) -> None:
    """Even where booting takes no time the start's own answer is not yet `running`."""
    world = World(clock, boot_time=0.0, online_time=0.0)
    id = world.add_instance()

    assert world.start(id).status == "pending"
    now = world.get(id)
    assert (now.status, now.connectivity, now.ms_connection_status) == (
        "running",
        "online",
        "connected",
    )
    assert world.start(id).status == "running"


def test_dates_tell_what_happened_when(clock: HandClock) -> None:
    """Each date moves with what it is about, and with nothing else."""
    world = World(clock, boot_time=0.0, online_time=0.0)
    begin = opened(clock)
    id = world.add_instance()
    before = world.get(id)
    assert before.started_at is None
    assert before.stopped_at == before.status_entered_at == begin - timedelta(days=1)
    assert before.connectivity_reason == "instance_disconnected"

    clock.time += 10
    world.start(id)
    clock.time += 60
    running = world.get(id)
    assert running.started_at == running.status_entered_at == begin + timedelta(seconds=10)
    assert running.updated_at == running.connectivity_updated_at == running.started_at
    assert running.stopped_at == before.stopped_at
    assert running.connectivity_reason == ""
    assert running.total_run_seconds == before.total_run_seconds + 60
    assert running.created_at == before.created_at

    world.stop(id)
    clock.time += 5
    stopped = world.get(id)
    assert stopped.stopped_at == stopped.status_entered_at == begin + timedelta(seconds=70)
    assert stopped.started_at == running.started_at
    assert stopped.total_run_seconds == running.total_run_seconds
    assert stopped.connectivity == "offline"


def test_a_stop_shows_the_old_state_for_a_moment(clock: HandClock) -> None:
    """What is told is the wish at once, and the state when it has come true."""
    world = World(clock, boot_time=8.0)
    id = world.add_instance("running")

    told = world.stop(id)

    assert (told.status, told.desired_status) == ("running", "stopped")
    assert told.started_at == told.status_entered_at
    clock.time += 0.9
    assert world.get(id).status == "running"
    clock.time += 3.0
    assert world.get(id).status == "stopped"


def test_a_running_time_survives_a_restart(clock: HandClock) -> None:
    """Seconds run are summed over restarts, those on the way down included."""
    world = World(clock, boot_time=0.0)
    id = world.add_instance()
    base = world.get(id).total_run_seconds
    world.start(id)
    clock.time += 100

    told = world.restart(id)

    assert (told.status, told.desired_status) == ("provisioning", "running")
    clock.time += 50
    again = world.get(id)
    assert again.status == "running"
    assert again.total_run_seconds == base + 150
    assert again.started_at == opened(clock) - timedelta(seconds=50)


def test_a_restart_leaves_running_first(clock: HandClock) -> None:
    """Between two runs an instance is not running, so that a wait can tell them apart."""
    world = World(clock, boot_time=8.0, online_time=1.0)
    id = world.add_instance("running")

    world.restart(id)

    assert [state for state, _, _ in trail(world, clock, id, 20.0)] == [
        "provisioning",
        "running",
        "running",
        "running",
    ]


def test_instances_take_different_times_and_always_the_same(clock: HandClock) -> None:
    """Half to one and a half of the boot time, spread by the seed."""

    def times(seed: int) -> list[float]:
        world = World(clock, boot_time=10.0, seed=seed)
        began = opened(clock)
        ids = [world.add_instance() for _ in range(200)]
        for id in ids:
            world.start(id)
        clock.time += 100
        found = [world.get(id).started_at for id in ids]
        return [(one - began).total_seconds() for one in found if one]

    first, second, other = times(1), times(1), times(2)

    assert first == pytest.approx(second, abs=1e-3)
    assert first != pytest.approx(other, abs=1e-3)
    assert 5.0 <= min(first) < 6.0
    assert 14.0 < max(first) <= 15.0


def test_only_a_start_that_changes_the_wish_has_an_effect(clock: HandClock) -> None:
    """A start of what is to be running is the same wish; after a stop it is another."""
    world = World(clock)
    id = world.add_instance()
    assert world.effects(id) == 0

    world.start(id)
    changes = world.changes
    world.start(id)

    assert world.effects(id) == 1
    assert world.changes == changes
    world.stop(id)
    world.stop(id)
    world.start(id)
    assert world.effects(id) == 2
    assert world.all_effects() == {id: 2}


def test_a_strict_world_calls_the_same_wish_a_conflict(clock: HandClock) -> None:
    """Where it is asked for, a second start and a second stop are refused with a 409."""
    world = World(clock, strict=True)
    id = world.add_instance()
    world.start(id)

    with pytest.raises(RefusedError, match="running already") as refused:
        world.start(id)
    assert (refused.value.status, refused.value.code) == (409, "conflict")
    world.stop(id)
    with pytest.raises(RefusedError, match="stopped already"):
        world.stop(id)
    assert world.effects(id) == 1


def test_a_terminated_instance_stays_and_does_nothing(clock: HandClock) -> None:
    """It can be looked at and destroyed again; everything else is a conflict."""
    world = World(clock, boot_time=0.0)
    id = world.add_instance("running")
    world.destroy(id)
    changes = world.changes
    world.destroy(id)

    assert world.changes == changes
    gone = world.get(id)
    assert (gone.status, gone.desired_status) == ("terminated", "terminated")
    assert gone.stopped_at == opened(clock)
    for tell in (world.start, world.stop, world.restart):
        with pytest.raises(RefusedError, match="terminated") as refused:
            tell(id)
        assert refused.value.status == 409


def test_what_is_not_there_is_refused(clock: HandClock) -> None:
    """An unknown id is a 404 with the contract's one code for it."""
    world = World(clock)

    for tell in (world.get, world.start, world.destroy, world.device_info, world.effects):
        with pytest.raises(RefusedError) as refused:
            tell("inst-none")
        assert (refused.value.status, refused.value.code) == (404, "agent_not_found")


@pytest.mark.parametrize(
    ("status", "desired", "later"),
    [
        ("stopped", "stopped", "stopped"),
        ("pending", "running", "running"),
        ("provisioning", "running", "running"),
        ("running", "running", "running"),
        ("terminated", "terminated", "terminated"),
        ("hibernating", "stopped", "hibernating"),
    ],
)
def test_instances_can_be_put_in_any_state(
    clock: HandClock, status: str, desired: str, later: str
) -> None:
    """Those on their way go on; the others stay."""
    world = World(clock)
    id = world.add_instance(status)

    now = world.get(id)

    assert (now.status, now.desired_status) == (status, desired)
    clock.time += 1
    assert world.get(id).status == later


def test_a_running_instance_is_connected(clock: HandClock) -> None:
    """One that was running before is ready for use."""
    world = World(clock)

    now = world.get(world.add_instance("running"))

    assert (now.connectivity, now.ms_connection_status) == ("online", "connected")
    assert now.started_at is not None


def test_pinned_fields_stay_whatever_happens(clock: HandClock) -> None:
    """A test can hold an instance where it wants it, from the beginning or later."""
    world = World(clock, boot_time=0.0, online_time=0.0)
    id = world.add_instance(connectivity="offline", name="stubborn")

    world.start(id)
    world.pin(id, halt_reason="credit")

    now = world.get(id)
    assert (now.status, now.connectivity, now.name) == ("running", "offline", "stubborn")
    assert now.halt_reason == "credit"
    for put in (lambda: world.pin(id, colour="red"), lambda: world.add_instance(colour="red")):
        with pytest.raises(ConfigurationError, match="no field 'colour'"):
            put()


def test_an_id_of_ones_own_is_taken_once(clock: HandClock) -> None:
    """An instance may be named by the test, but no two alike."""
    world = World(clock)

    assert world.add_instance(id="instance_abc123") == "instance_abc123"
    assert world.get("instance_abc123").id == "instance_abc123"
    with pytest.raises(ConfigurationError, match="instance_abc123"):
        world.add_instance(id="instance_abc123")
    assert len(world) == 1


def test_a_list_shows_what_passes_every_filter(clock: HandClock) -> None:
    """Filters combine with "and"; rows are in the order they were made, and counted."""
    world = World(clock)
    ids = [
        world.add_instance(name=f"bee-{number}", provider_id="a" if number % 2 else "b")
        for number in range(10)
    ]
    world.start(ids[1])
    world.pin(ids[3], status="wintering")

    def found(*args: object, **options: object) -> list[str]:
        rows, total = world.list(*args, page_size=200, **options)  # type: ignore[arg-type]
        assert len(rows) == total
        return [row.id for row in rows]

    assert found() == ids
    assert found({"status": "stopped"}) == [ids[0], ids[2], *ids[4:]]
    assert found({"status": "pending"}) == [ids[1]]
    assert found({"status": "wintering"}) == [ids[3]]
    assert found({"provider_id": "a", "status": "stopped"}) == [ids[5], ids[7], ids[9]]
    assert found({}, "BEE-7") == [ids[7]]
    assert found({"provider_id": "b"}, "bee-7") == []


def test_pages_cut_a_list_anywhere(clock: HandClock) -> None:
    """Every row is on exactly one page, filtered or not."""
    world = World(clock)
    ids = [world.add_instance() for _ in range(7)]

    for wanted in ({}, {"status": "stopped"}):
        pages = [world.list(wanted, page=number, page_size=3) for number in range(4)]
        assert [row.id for rows, _ in pages for row in rows] == ids
        assert [len(rows) for rows, _ in pages] == [3, 3, 1, 0]
        assert {total for _, total in pages} == {7}


def test_a_deployed_instance_is_what_was_asked_for(clock: HandClock) -> None:
    """What the request says, the instance has; it begins now, and boots."""
    world = World(clock, boot_time=0.0)

    made = world.deploy(
        DeployInstance(
            name="night-shift",
            agent_framework="custom",
            preferred_region="eu-shelf-1",
            config={"a": 1},
            models=["m/1"],
        )
    )

    assert made.name == "night-shift"
    assert (made.agent_framework, made.region, made.models) == ("custom", "eu-shelf-1", ("m/1",))
    assert made.provider_config == {"a": 1}
    assert (made.status, made.desired_status) == ("pending", "running")
    assert made.created_at == made.updated_at == opened(clock)
    assert made.started_at is made.stopped_at is None
    assert made.total_run_seconds == 0
    later: Instance = world.get(made.id)
    assert later.status == "running"
    assert later.started_at == made.created_at
    assert world.effects(made.id) == 0


def test_a_deploy_by_variant_gets_the_rest_from_the_catalog(clock: HandClock) -> None:
    """Two deploys of one request are two instances."""
    world = World(clock)
    wanted = DeployInstance(name="twin", variant_id="var-1", provider_config={"b": 2})

    one, two = world.deploy(wanted), world.deploy(wanted)

    assert one.id != two.id
    assert one.agent_framework
    assert one.provider_config == {"b": 2}
    assert len(world) == 2


def test_a_pinned_instance_can_be_let_go(clock: HandClock) -> None:
    """What hung goes on as if it never had."""
    world = World(clock, boot_time=4.0)
    id = world.add_instance()
    world.start(id)
    world.pin(id, status="provisioning")
    clock.time += 60
    assert world.get(id).status == "provisioning"

    world.free(id)

    assert world.get(id).status == "running"


def test_a_hidden_instance_is_in_no_list_and_there_all_the_same(clock: HandClock) -> None:
    """As when pages shift under a reader; the last call says who is hidden."""
    world = World(clock)
    ids = [world.add_instance() for _ in range(3)]

    world.hide(ids[0], ids[1])
    world.hide(ids[1])

    rows, total = world.list()
    assert ([row.id for row in rows], total) == ([ids[0], ids[2]], 2)
    assert world.get(ids[1]).id == ids[1]
    world.hide()
    assert world.list()[1] == 3


def test_a_removed_instance_is_gone_and_its_id_is_not_made_up_again(clock: HandClock) -> None:
    """Nothing is known of it, and the others keep who they are."""
    world = World(clock)
    first, second = world.add_instance(), world.add_instance()

    world.remove(first)

    with pytest.raises(RefusedError) as caught:
        world.get(first)
    assert caught.value.status == 404
    assert world.add_instance() not in {first, second}
    assert len(world) == 2
