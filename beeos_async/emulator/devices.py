"""The devices of the pretend cloud: which instance has which, who may tell them anything.

A device is made when it is first asked for; whether it can be reached is its instance's
matter.  No HTTP in here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from .._clock import Clock
from ..errors import ConfigurationError
from ..models.control import ControlInfo, Screenshot
from ..models.instances import Instance
from ..models.mobile import AppInfo, UITree
from .device import VERBS, Action, Device, Kind
from .refusals import RefusedError
from .scenery import device_of
from .screens import APPS, DESKTOP, LAUNCHER, App, png
from .shelf import Shelf

PICTURE_TIME: Final = 300
"""Seconds an address gives a screenshot; the contract says only that they are few."""


class Devices:
    """The desktops and phones of one pretend cloud, `cloud.world.devices`."""

    def __init__(
        self,
        clock: Clock,
        files: Shelf,
        look: Callable[[str], Instance],
        touch: Callable[[], None],
    ) -> None:
        """Own no device yet.

        Args:
            clock: Time.
            files: Where screenshots are put.
            look: Finds an instance, or refuses.
            touch: Is told that something was changed.
        """
        self._clock = clock
        self._files = files
        self._look = look
        self._touch = touch
        self._devices: dict[str, Device] = {}

    def hold(self, id: str) -> None:
        """Let another writer hold a device: every action is `device_busy` until `release`.

        Args:
            id: The instance.
        """
        self._of(id).held = True

    def release(self, id: str) -> None:
        """Let the other writer go.

        Args:
            id: The instance.
        """
        self._of(id).held = False

    def rotate(self, id: str) -> None:
        """Turn a device on its side, or back: width and height change places.

        Args:
            id: The instance.
        """
        device = self._of(id)
        device.turned = not device.turned

    def script(
        self,
        id: str,
        *,
        unsupported: Collection[str] = (),
        silent: bool = False,
        portal: bool = False,
        blank: bool = False,
    ) -> None:
        """Say what kind of runtime a device has; without options, one that can do everything.

        Args:
            id: The instance.
            unsupported: Verbs it refuses as `action_unsupported`.
            silent: Whether it is too old to tell its `supported_actions`.
            portal: Whether it goes through an accessibility service: a tree has no query,
                only apps that can be launched are told, and none is opened with a locale.
            blank: Whether what is in front has no tree.

        Raises:
            ConfigurationError: The device has no such verb.
        """
        device = self._of(id)
        if unknown := sorted({*unsupported} - {*VERBS[device.kind]}):
            verbs = ", ".join(VERBS[device.kind])
            msg = f"{id} has no verb {unknown[0]!r}; there are {verbs}"
            raise ConfigurationError(msg)
        device.unsupported = frozenset(unsupported)
        device.silent, device.portal, device.blank = silent, portal, blank

    def install(
        self,
        id: str,
        package_id: str,
        label: str = "",
        *,
        system: bool = False,
        launchable: bool = True,
    ) -> None:
        """Put another app on a phone.

        Args:
            id: The instance.
            package_id: The app.
            label: Its name.
            system: Whether it counts as one that came with the phone.
            launchable: Whether it has an icon.
        """
        app = App(AppInfo(package_id=package_id, label=label), system, launchable)
        self._of(id).apps.append(app)

    def actions(self, id: str) -> list[Action]:
        """Tell what a device was told and did, in order.

        Args:
            id: The instance.
        """
        return [*self._of(id).actions]

    def info(self, id: str, kind: Kind) -> ControlInfo:
        """Tell what a device is in this moment; one that is offline tells nearly nothing."""
        instance, device = self._find(id, kind)
        if instance.connectivity != "online":
            return ControlInfo(os=instance.os_type, coordinate_system="absolute_pixels")
        width, height = device.size
        return ControlInfo(
            online=True,
            os=instance.os_type,
            screen_width=width,
            screen_height=height,
            coordinate_system="absolute_pixels",
            supported_actions=device.supported,
            current_app=device.front,
        )

    def screenshot(self, id: str, kind: Kind) -> Screenshot:
        """Take a picture, whoever holds the device; it changes with each action.

        Args:
            id: The instance.
            kind: What it is taken for.
        """
        device = self._ready(id, kind, "screenshot")
        width, height = device.size
        text = f"{id}/{len(device.actions)}"
        colour = blake2b(text.encode(), digest_size=3).digest()
        data = png(width, height, colour)
        file = self._files.keep(data, "screenshot.png", "image/png", PICTURE_TIME)
        return Screenshot(
            file_id=file.file_id,
            url=file.download_url,
            format="png",
            width=width,
            height=height,
        )

    def act(self, id: str, kind: Kind, verb: str, request: Struct) -> bool:
        """Tell a device to do something, unless somebody else holds it.

        Args:
            id: The instance.
            kind: What it is taken for.
            verb: What to do.
            request: How.

        Returns:
            Whether it did.
        """
        device = self._ready(id, kind, verb)
        if device.held:
            raise RefusedError(409, "device_busy", "another writer holds the device")
        done = device.do(verb, request, self._clock.now())
        if done:
            self._touch()
        return done

    def apps(self, id: str, *, system: bool, launchable: bool) -> list[AppInfo]:
        """List the apps of a phone; see `Device.listed`."""
        return self._ready(id, "mobile", "apps").listed(system=system, launchable=launchable)

    def tree(self, id: str, *, query: str, raw: bool) -> UITree:
        """Describe the screen of a phone; see `Device.tree`."""
        return self._ready(id, "mobile", "ui_tree").tree(query=query, raw=raw)

    def _of(self, id: str) -> Device:
        return self._device(self._look(id))

    def _device(self, instance: Instance) -> Device:
        device = self._devices.get(instance.id)
        if device is None:
            told = device_of(instance)
            upright = told.width, told.height
            device = (
                Device("mobile", upright, LAUNCHER, [*APPS])
                if instance.os_type == "android"
                else Device("computer", upright, DESKTOP)
            )
            self._devices[instance.id] = device
        return device

    def _find(self, id: str, kind: Kind) -> tuple[Instance, Device]:
        instance = self._look(id)
        device = self._device(instance)
        if device.kind != kind:
            raise RefusedError(404, "agent_not_found", f"the instance has no {kind}")
        return instance, device

    def _ready(self, id: str, kind: Kind, verb: str) -> Device:
        """Find a device that can be reached and knows a verb."""
        instance, device = self._find(id, kind)
        if instance.connectivity != "online":
            raise RefusedError(503, "device_offline", "the device is not connected")
        if verb in device.unsupported:
            raise RefusedError(400, "action_unsupported", f"this runtime does not offer {verb}")
        return device
