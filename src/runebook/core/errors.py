"""Every error that Runebook raises, and the code each carries over the wire.

The codes are MLflow's, so that its clients understand them. HTTP status and exit code are looked up from
the code at the edge (`runebook.server.errors`, `runebook.cli.main`); nothing below the edge knows them.
"""

from __future__ import annotations

from typing import ClassVar


class RunebookError(Exception):
    """Something that Runebook refuses or could not do; the message says what to do next."""

    code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def error_code(self) -> str:
        """The code on the wire, under the name MLflow's users know."""
        return self.code


class InvalidParameterValue(RunebookError):
    """A field of the request is missing, of the wrong type, out of range, or contradicts what is stored."""

    code = "INVALID_PARAMETER_VALUE"


class BadRequest(RunebookError):
    """The request as a whole cannot be understood, such as one without a content type."""

    code = "BAD_REQUEST"


class NotFound(RunebookError):
    """There is no such thing, or it is not visible to the caller."""

    code = "RESOURCE_DOES_NOT_EXIST"


class AlreadyExists(RunebookError):
    """The name is taken."""

    code = "RESOURCE_ALREADY_EXISTS"


class InvalidState(RunebookError):
    """The thing is not in a state that allows this, such as a deleted experiment that is renamed."""

    code = "INVALID_STATE"


class Conflict(RunebookError):
    """The thing was changed by somebody else meanwhile, or an idempotency key was used for another request."""

    code = "RESOURCE_CONFLICT"


class PermissionDenied(RunebookError):
    """The caller may not do this."""

    code = "PERMISSION_DENIED"


class Unauthenticated(RunebookError):
    """The caller did not say who it is, or it could not be verified."""

    code = "UNAUTHENTICATED"


class EndpointNotFound(RunebookError):
    """The server has no such operation."""

    code = "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(RunebookError):
    """The operation exists under another HTTP verb."""

    code = "METHOD_NOT_ALLOWED"


class TooLarge(RunebookError):
    """The request is larger than the server takes."""

    code = "REQUEST_TOO_LARGE"


class NotSupported(RunebookError):
    """This server or store is not set up to do this."""

    code = "NOT_IMPLEMENTED"


class TemporarilyUnavailable(RunebookError):
    """The store or the server cannot be reached now; trying again later is safe."""

    code = "TEMPORARILY_UNAVAILABLE"


class InternalError(RunebookError):
    """A defect of Runebook; the request id in the message finds it in the server's log."""

    code = "INTERNAL_ERROR"


class MissingExtra(RunebookError):
    """An optional package is needed for this; the message names the extra that brings it."""

    code = "MISSING_EXTRA"


def _all_errors(root: type[RunebookError]) -> dict[str, type[RunebookError]]:
    return {root.code: root} | {code: cls for sub in root.__subclasses__() for code, cls in _all_errors(sub).items()}


ERRORS_BY_CODE: dict[str, type[RunebookError]] = _all_errors(RunebookError) | {"INTERNAL_ERROR": InternalError}


def error_from_code(code: str, message: str) -> RunebookError:
    """The error of a code that came over the wire; a code that is not ours keeps its name in the instance."""
    found = ERRORS_BY_CODE.get(code)
    if found is not None:
        return found(message)
    error = RunebookError(message)
    error.code = code  # type: ignore[misc]  # a foreign server's code, kept for the caller to read
    return error
