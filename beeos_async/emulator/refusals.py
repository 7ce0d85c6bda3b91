"""How the pretend cloud says no: the contract's statuses, codes and envelope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "validation_error",
    429: "rate_limit_error",
}
_CODES: Final[Mapping[int, str]] = {
    400: "invalid_param",
    401: "invalid_token",
    403: "forbidden",
    404: "agent_not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    422: "invalid_param",
    429: "rate_limited",
    503: "agent_service_unavailable",
    504: "service_timeout",
}

# An API key, also one that was cut short, or a user's JWT: three parts, none of them short.
_REAL_KEY: Final = re.compile(
    r"oag_[0-9A-Za-z]{32,} | [\w-]{20,} (?: \. [\w-]{20,} ){2}", re.ASCII | re.VERBOSE
).fullmatch


class RefusedError(Exception):
    """The pretend cloud says no.

    Attributes:
        status: The HTTP status.
        code: The error's code, else the contract's usual one for that status.
        message: A sentence.
        param: The field that was wrong.
        headers: What the answer carries besides.
        whole: The whole body, where it is no envelope: the runtime's own refusals are bare.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        whole: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code: str = code or _CODES.get(status, "internal_error")
        self.message = message
        self.param = param
        self.headers: Mapping[str, str] = headers or {}
        self.whole = whole


def envelope(error: RefusedError, request_id: str) -> Mapping[str, object]:
    """Write a refusal the way the contract documents it.

    Args:
        error: The refusal.
        request_id: The server's name for the request.
    """
    if error.whole is not None:
        return error.whole
    told: dict[str, object] = {
        "type": _TYPES.get(error.status, "api_error"),
        "code": error.code,
        "message": error.message,
        "request_id": request_id,
    }
    if error.code == "invalid_param":
        told["type"] = "validation_error"
    if error.param is not None:
        told["param"] = error.param
    return {"success": False, "error": told}


def admit(authorization: str) -> None:
    """Let any bearer pass but a key that looks real, so that nobody sends one by mistake.

    Args:
        authorization: The header; it is neither kept nor repeated.

    Raises:
        RefusedError: There is no bearer, or it looks real.
    """
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise RefusedError(401, "missing_token", "there is no bearer key")
    if _REAL_KEY(key):
        message = (
            "this is the emulator, and the key looks real: keep it to yourself, and give"
            " any other word here"
        )
        raise RefusedError(401, "invalid_token", message)
