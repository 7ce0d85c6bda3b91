"""Desktops, seen and worked by hand: pictures, mouse, keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._io.cargo import MemorySink
from .._io.transfer import MEMORY_CAP, Transfers
from .._protocol import table
from ..models.computer import Click, MouseButton, Move
from ..models.control import ControlInfo, Direction, PressKeys, Screenshot, Scroll, TypeText

if TYPE_CHECKING:
    from .._io.caller import Caller

__all__ = ["Computer"]


class Computer:
    """`bee.computer`: the desktop of an instance that has one; a phone's is not found (404).

    Points are in absolute device pixels, their origin top left.  Who acts holds the device for
    that moment: while somebody else does, each action is a `ConflictError` with the code
    `device_busy`, to be tried again when their work is done.  An action is never sent twice
    once it may have arrived: when the answer is lost, so is the knowledge whether it landed,
    and `ConnectionLostError` says so.

    All but `info` draw on one quota of yours, 60 a minute; `info` on another, 300 a minute.
    The client paces itself by them; `rate_limit` with `control-action` or `control-info`
    corrects them.

    Example:
        ```python
        screen = await bee.computer.info(desk)
        await bee.computer.click(desk, x=screen.screen_width // 2, y=40)
        await bee.computer.type(desk, text="quarterly report", submit=True)
        ```
    """

    def __init__(self, caller: Caller) -> None:
        """Use the client's caller."""
        self._call = caller.call
        self._transfers = Transfers(caller)

    async def info(self, id: str, *, deadline: float | None = None) -> ControlInfo:
        """Tell what the desktop is in this moment: its screen, and what it can be told.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Returns:
            What is known; `supported_actions` may be empty although everything works.

        Example:
            ```python
            screen = await bee.computer.info(desk)
            print(screen.online, screen.screen_width, screen.screen_height)  # True 1920 1080
            ```
        """
        return (await self._call(table.GET_COMPUTER_INFO, id, deadline=deadline)).data

    async def screenshot(self, id: str, *, deadline: float | None = None) -> Screenshot:
        """Take a picture of the screen.

        Args:
            id: The instance.
            deadline: Seconds for the whole call.

        Returns:
            Where the picture is, for a short while.

        Example:
            ```python
            shot = await bee.computer.screenshot(desk)
            print(shot.format, shot.width, shot.height)  # png 1920 1080
            picture = await bee.files.fetch(shot.url)  # soon, and without the key
            ```
        """
        return (await self._call(table.SCREENSHOT_COMPUTER, id, deadline=deadline)).data

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

            picture = await bee.computer.screenshot_bytes(desk, deadline=20)
            Path("screen.png").write_bytes(picture)
            ```
        """

        async def locate() -> str:
            return (await self.screenshot(id)).url

        sink = MemorySink()
        await self._transfers.download(locate, sink, cap=MEMORY_CAP, deadline=deadline)
        return sink.whole()

    async def click(
        self,
        id: str,
        *,
        x: int,
        y: int,
        button: MouseButton | None = None,
        count: int | None = None,
        deadline: float | None = None,
    ) -> bool:
        """Press a mouse button at a point of the desktop.

        Args:
            id: The instance.
            x: Pixels from the left edge.
            y: Pixels from the top edge.
            button: `left`, as where nothing is said, `right` or `middle`.
            count: How many clicks; 2 for a double click.
            deadline: Seconds for the whole call.

        Returns:
            Whether the desktop says that it took the click.

        Example:
            ```python
            try:
                await bee.computer.click(desk, x=640, y=400, button="right")
            except ConflictError as error:
                # `device_busy`: somebody else is at it.
                print(error.code, error.message)
            ```
        """
        body = Click(x=x, y=y, button=button, count=count)
        return (await self._call(table.CLICK_COMPUTER, id, deadline=deadline, body=body)).data.ok

    async def move(self, id: str, *, x: int, y: int, deadline: float | None = None) -> bool:
        """Move the pointer to a point of the desktop.

        Args:
            id: The instance.
            x: Pixels from the left edge.
            y: Pixels from the top edge.
            deadline: Seconds for the whole call.

        Returns:
            Whether the desktop says that it took the move.

        Example:
            ```python
            await bee.computer.move(desk, x=640, y=400)
            ```
        """
        body = Move(x=x, y=y)
        return (await self._call(table.MOVE_COMPUTER, id, deadline=deadline, body=body)).data.ok

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
        """Turn the wheel.

        Args:
            id: The instance.
            direction: `up`, `down`, `left` or `right`.
            x: Pixels from the left edge, where it is not to be turned where the pointer is.
            y: Pixels from the top edge, likewise.
            amount: Steps of about 300 pixels.
            deadline: Seconds for the whole call.

        Returns:
            Whether the desktop says that it took the turn.

        Example:
            ```python
            await bee.computer.scroll(desk, direction="down", amount=3)  # some 900 pixels
            ```
        """
        body = Scroll(x=x, y=y, direction=direction, amount=amount)
        return (await self._call(table.SCROLL_COMPUTER, id, deadline=deadline, body=body)).data.ok

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
            Whether the desktop says that it took the text.

        Example:
            ```python
            took = await bee.computer.type(desk, text="quarterly report", submit=True)
            print(took)  # True
            ```
        """
        body = TypeText(text=text, submit=submit)
        return (await self._call(table.TYPE_COMPUTER, id, deadline=deadline, body=body)).data.ok

    async def key(self, id: str, *, keys: list[str], deadline: float | None = None) -> bool:
        """Press a key, or several together.

        Args:
            id: The instance.
            keys: One, such as `["enter"]`, or a hotkey, such as `["ctrl", "c"]`.
            deadline: Seconds for the whole call.

        Returns:
            Whether the desktop says that it took them.

        Example:
            ```python
            await bee.computer.key(desk, keys=["ctrl", "s"])
            await bee.computer.key(desk, keys=["enter"])
            ```
        """
        body = PressKeys(keys=keys)
        return (await self._call(table.KEY_COMPUTER, id, deadline=deadline, body=body)).data.ok
