"""Phones, seen and worked by hand: pictures, fingers, buttons, apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .._checks import one_of
from .._io.cargo import MemorySink
from .._io.transfer import MEMORY_CAP, Transfers
from .._protocol import table
from ..models.control import ControlInfo, Direction, Screenshot, Scroll, TypeText
from ..models.mobile import (
    AppInfo,
    Drag,
    LongPress,
    OpenApp,
    PhoneButton,
    PressButton,
    PressKey,
    Swipe,
    Tap,
    UITree,
)

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Mobile"]


class Mobile:
    """`bee.mobile`: the phone an instance is; a desktop's is not found (404).

    What stands in `Computer` about points, a device that is busy, lost answers and quotas
    holds here too.  A phone may be turned while you look: ask `info` before you aim.

    Not every runtime can do everything: what one does not offer is a `BadRequestError` with
    the code `action_unsupported`.

    Example:
        ```python
        await bee.mobile.press_button(phone, button="home")
        await bee.mobile.open_app(phone, app="net.example.mail")
        print((await bee.mobile.ui_tree(phone)).content)
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._call = caller.call
        self._transfers = Transfers(caller)

    async def info(self, id: str, *, deadline: float | None = None) -> ControlInfo:
        """Tell what the phone is in this moment: its screen, and what it can be told.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Returns:
            What is known; `supported_actions` may be empty although everything works.

        Example:
            ```python
            screen = await bee.mobile.info(phone)
            print(screen.os, screen.screen_width, screen.screen_height)  # android 1080 2400
            ```
        """
        return (await self._call(table.GET_MOBILE_INFO, id, deadline=deadline)).data

    async def screenshot(self, id: str, *, deadline: float | None = None) -> Screenshot:
        """Take a picture of the screen.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Returns:
            Where the picture is, for a short while.

        Example:
            ```python
            shot = await bee.mobile.screenshot(phone)
            print(shot.format, shot.width, shot.height)  # png 1080 2400
            ```
        """
        return (await self._call(table.SCREENSHOT_MOBILE, id, deadline=deadline)).data

    async def screenshot_bytes(self, id: str, *, deadline: float | None = None) -> bytes:
        """Take a picture of the screen and fetch it.

        The bytes come from an object store, over a session that never carries the key.  A
        download that fails begins again with another picture, at a fresh address.

        Args:
            id: The instance.
            deadline: Seconds for everything.

        Returns:
            The picture itself, as a rule a PNG or a JPEG; its first bytes say which.

        Example:
            ```python
            from pathlib import Path

            picture = await bee.mobile.screenshot_bytes(phone, deadline=20)
            Path("screen.png").write_bytes(picture)
            ```
        """

        async def locate() -> str:
            return (await self.screenshot(id)).url

        sink = MemorySink()
        await self._transfers.download(locate, sink, cap=MEMORY_CAP, deadline=deadline)
        return sink.whole()

    async def tap(self, id: str, *, x: int, y: int, deadline: float | None = None) -> bool:
        """Touch a point of the screen.

        Args:
            id: The instance.
            x: Pixels from the left edge.
            y: Pixels from the top edge.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the touch.

        Example:
            ```python
            screen = await bee.mobile.info(phone)
            await bee.mobile.tap(phone, x=screen.screen_width // 2, y=screen.screen_height // 2)
            ```
        """
        body = Tap(x=x, y=y)
        return (await self._call(table.TAP_MOBILE, id, deadline=deadline, body=body)).data.ok

    async def double_tap(self, id: str, *, x: int, y: int, deadline: float | None = None) -> bool:
        """Touch a point of the screen twice.

        Args:
            id: The instance.
            x: Pixels from the left edge.
            y: Pixels from the top edge.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the touches.

        Example:
            ```python
            await bee.mobile.double_tap(phone, x=540, y=1200)
            ```
        """
        body = Tap(x=x, y=y)
        call = self._call(table.DOUBLE_TAP_MOBILE, id, deadline=deadline, body=body)
        return (await call).data.ok

    async def long_press(
        self,
        id: str,
        *,
        x: int,
        y: int,
        duration_ms: int | None = None,
        deadline: float | None = None,
    ) -> bool:
        """Touch a point of the screen and stay there.

        Args:
            id: The instance.
            x: Pixels from the left edge.
            y: Pixels from the top edge.
            duration_ms: How long, in milliseconds; the device keeps it within 1 and 10,000.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the touch.

        Example:
            ```python
            await bee.mobile.long_press(phone, x=540, y=1200, duration_ms=800)
            ```
        """
        body = LongPress(x=x, y=y, duration_ms=duration_ms)
        call = self._call(table.LONG_PRESS_MOBILE, id, deadline=deadline, body=body)
        return (await call).data.ok

    async def drag(
        self,
        id: str,
        *,
        x1: int,
        y1: int,
        x2: int,
        y2: int,
        duration_ms: int | None = None,
        deadline: float | None = None,
    ) -> bool:
        """Take hold of what is at one point, and let it go at another.

        Args:
            id: The instance.
            x1: Where it begins, in pixels from the left edge.
            y1: Where it begins, in pixels from the top edge.
            x2: Where it ends, in pixels from the left edge.
            y2: Where it ends, in pixels from the top edge.
            duration_ms: How long, in milliseconds; the device keeps it within 1 and 10,000.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the drag.

        Example:
            ```python
            # An icon, from the bottom of the screen to its top.
            await bee.mobile.drag(phone, x1=540, y1=2000, x2=540, y2=400, duration_ms=600)
            ```
        """
        body = Drag(x1=x1, y1=y1, x2=x2, y2=y2, duration_ms=duration_ms)
        return (await self._call(table.DRAG_MOBILE, id, deadline=deadline, body=body)).data.ok

    async def swipe(
        self,
        id: str,
        *,
        x1: int,
        y1: int,
        x2: int,
        y2: int,
        duration_ms: int | None = None,
        deadline: float | None = None,
    ) -> bool:
        """Pass over the screen from one point to another.

        Args:
            id: The instance.
            x1: Where it begins, in pixels from the left edge.
            y1: Where it begins, in pixels from the top edge.
            x2: Where it ends, in pixels from the left edge.
            y2: Where it ends, in pixels from the top edge.
            duration_ms: How long, in milliseconds; the device keeps it within 1 and 10,000.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the swipe.

        Example:
            ```python
            await bee.mobile.swipe(phone, x1=540, y1=1800, x2=540, y2=600, duration_ms=300)
            ```
        """
        body = Swipe(x1=x1, y1=y1, x2=x2, y2=y2, duration_ms=duration_ms)
        return (await self._call(table.SWIPE_MOBILE, id, deadline=deadline, body=body)).data.ok

    async def scroll(
        self,
        id: str,
        *,
        direction: Direction,
        x: int | None = None,
        y: int | None = None,
        amount: int | None = None,
        deadline: float | None = None,
    ) -> bool:
        """Scroll what is shown.

        Args:
            id: The instance.
            direction: `up`, `down`, `left` or `right`.
            x: Pixels from the left edge, where it is not the middle of the screen.
            y: Pixels from the top edge, likewise.
            amount: Steps of about 300 pixels.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the scroll.

        Example:
            ```python
            await bee.mobile.scroll(phone, direction="down", amount=2)  # some 600 pixels
            ```
        """
        body = Scroll(x=x, y=y, direction=direction, amount=amount)
        return (await self._call(table.SCROLL_MOBILE, id, deadline=deadline, body=body)).data.ok

    async def type(
        self, id: str, *, text: str, submit: bool | None = None, deadline: float | None = None
    ) -> bool:
        """Type a text into whatever has the focus.

        Args:
            id: The instance.
            text: The text.
            submit: Whether the enter key follows.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the text.

        Example:
            ```python
            await bee.mobile.tap(phone, x=540, y=300)  # what is touched has the focus
            await bee.mobile.type(phone, text="roses", submit=True)
            ```
        """
        body = TypeText(text=text, submit=submit)
        return (await self._call(table.TYPE_MOBILE, id, deadline=deadline, body=body)).data.ok

    async def key(self, id: str, *, keys: list[str], deadline: float | None = None) -> bool:
        """Press one key of the keyboard.

        Args:
            id: The instance.
            keys: One name of an Android key code, such as `["KEYCODE_ENTER"]`.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the key.

        Example:
            ```python
            await bee.mobile.key(phone, keys=["KEYCODE_ENTER"])
            ```
        """
        body = PressKey(keys=keys)
        return (await self._call(table.KEY_MOBILE, id, deadline=deadline, body=body)).data.ok

    async def press_button(
        self, id: str, *, button: PhoneButton, deadline: float | None = None
    ) -> bool:
        """Press a button of the phone's body or of its navigation bar.

        Args:
            id: The instance.
            button: `back`, `home`, `recent`, `power`, `volume_up`, `volume_down` or `enter`.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it took the press.

        Example:
            ```python
            await bee.mobile.press_button(phone, button="back")
            ```
        """
        body = PressButton(button=button)
        call = self._call(table.PRESS_BUTTON_MOBILE, id, deadline=deadline, body=body)
        return (await call).data.ok

    async def apps(
        self,
        id: str,
        *,
        include_system: bool | None = None,
        launchable_only: bool | None = None,
        deadline: float | None = None,
    ) -> list[AppInfo]:
        """List the installed apps.

        Args:
            id: The instance.
            include_system: Whether those that came with the phone are told too.
            launchable_only: Whether those without an icon are left out; some runtimes can
                tell no others, and refuse without it.
            deadline: Seconds for the whole call.

        Example:
            ```python
            for app in await bee.mobile.apps(phone, launchable_only=True):
                print(app.package_id, app.label)  # net.example.mail Mail
            ```
        """
        params = {"include_system": include_system, "launchable_only": launchable_only}
        call = self._call(table.LIST_MOBILE_APPS, id, deadline=deadline, params=params)
        return (await call).data.apps

    async def open_app(
        self,
        id: str,
        *,
        app: str,
        activity: str | None = None,
        locale: str | None = None,
        deadline: float | None = None,
    ) -> bool:
        """Bring an app to the front.

        Args:
            id: The instance.
            app: Its package, as `apps` tells it.
            activity: Which of its screens.
            locale: Its language, such as `de-AT`; some runtimes refuse one.
            deadline: Seconds for the whole call.

        Returns:
            Whether the phone says that it opened it.

        Example:
            ```python
            if not await bee.mobile.open_app(phone, app="net.example.mail"):
                print("it is not installed")
            ```
        """
        body = OpenApp(app=app, activity=activity, locale=locale)
        return (await self._call(table.OPEN_MOBILE_APP, id, deadline=deadline, body=body)).data.ok

    async def ui_tree(
        self,
        id: str,
        *,
        query: str | None = None,
        format: Literal["compact", "raw"] | None = None,
        deadline: float | None = None,
    ) -> UITree:
        """Tell what is on the screen, as the accessibility service describes it.

        Args:
            id: The instance.
            query: Only what has this text; some runtimes refuse one.
            format: `compact`, where the server is not told, or `raw`.
            deadline: Seconds for the whole call.

        Returns:
            A text, whose form depends on the runtime: look before you parse.

        Example:
            ```python
            tree = await bee.mobile.ui_tree(phone)
            if tree.supported:
                print(tree.content)
            ```
        """
        if format is not None:
            one_of("format", format, ("compact", "raw"))
        params = {"query": query, "format": format}
        call = self._call(table.GET_MOBILE_UI_TREE, id, deadline=deadline, params=params)
        return (await call).data
