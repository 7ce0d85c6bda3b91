from __future__ import annotations

from datetime import UTC, datetime

from msgspec import json

from beeos_async.emulator.scenery import device_of, instance_ids, invent, mark
from beeos_async.models.instances import Instance


def test_ids_are_distinct_and_told_without_an_emulator() -> None:
    """The ids of a cloud follow from its size and seed alone, and no two are the same."""
    ids = instance_ids(20_000, seed=7)

    assert len(set(ids)) == 20_000
    assert ids[:100] == instance_ids(100, seed=7)
    assert not set(ids) & set(instance_ids(100, seed=8))
    assert all(id.startswith("inst-") for id in ids)


def test_an_invented_instance_fills_every_field_that_does_not_move() -> None:
    """What a real instance has, an invented one has too."""
    moving = {
        "status", "desired_status", "total_run_seconds", "connectivity", "connectivity_reason",
        "started_at", "stopped_at", "status_entered_at", "connectivity_updated_at",
        "ms_connection_status", "ms_connection_updated_at", "updated_at",
    }  # fmt: skip
    unset = {"halt_reason", "error_message", "is_trial"}
    made = invent("inst-1", 1, mark(0, 1))

    for field in set(Instance.__struct_fields__) - moving - unset:
        assert getattr(made, field), field
    assert len(Instance.__struct_fields__) == 42


def test_invented_instances_were_made_in_the_past() -> None:
    """No instance of a cloud of any size is from the future."""
    for number in (0, 99_999, 199_999, 1_000_000):
        born = invent("inst-1", number, mark(0, number)).created_at
        assert born is not None
        assert datetime(2026, 2, 1, tzinfo=UTC) < born < datetime(2026, 9, 1, tzinfo=UTC)


def test_phones_and_desktops_have_devices_of_their_kind() -> None:
    """The device's words fit the instance."""
    kinds = {}
    for number in range(30):
        instance = invent(f"inst-{number}", number, mark(0, number))
        device = device_of(instance)
        kinds[instance.os_type] = device
        assert device.type == instance.os_type
        assert device.capabilities
        assert json.encode(device)

    assert kinds["android"].height > kinds["android"].width
    assert kinds["linux"].height < kinds["linux"].width
