"""A server over HTTP: Runebook's, or MLflow's."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from runebook._version import __version__
from runebook.api import codec
from runebook.api.operation import Operation
from runebook.api.server_info import GetServerInfo
from runebook.artifacts.base import ArtifactStore
from runebook.artifacts.resolver import ArtifactResolver
from runebook.client.connections import open_pool
from runebook.client.credentials import server_of
from runebook.client.http_requests import Request, as_request, with_key
from runebook.client.retries import (
    HURRIED_PAUSE_SECONDS,
    REFUSED_STATUSES,
    RETRIED_STATUSES,
    UnknownAddress,
    UntrustedServer,
    is_repeatable,
    makes_something,
    pause_seconds,
    seconds_left,
)
from runebook.client.transport import Transport
from runebook.config import HttpSettings
from runebook.core.errors import (
    InternalError,
    MethodNotAllowed,
    NotFound,
    NotSupported,
    PermissionDenied,
    RunebookError,
    TemporarilyUnavailable,
    TooLarge,
    Unauthenticated,
    error_from_code,
)

if TYPE_CHECKING:
    import urllib3

_logger = logging.getLogger("runebook.http")

_CODES = {
    401: Unauthenticated.code,
    403: PermissionDenied.code,
    404: NotFound.code,
    405: MethodNotAllowed.code,
    413: TooLarge.code,
    501: NotSupported.code,
    502: TemporarilyUnavailable.code,
    503: TemporarilyUnavailable.code,
    504: TemporarilyUnavailable.code,
}
"""For answers that name no code of their own, such as a proxy's."""

CONNECT_SECONDS = 10.0
LEAST_SECONDS = 1.0
ANSWERED_LATELY_SECONDS = 5.0


class HttpTransport:
    """Keeps connections alive and asks again where that is safe."""

    def __init__(self, uri: str, settings: HttpSettings) -> None:
        self.uri = uri
        self._settings = settings
        self._server = server_of(uri, settings)
        self._pool: urllib3.PoolManager | None = None
        self._is_runebook: bool | None = None
        self._answered = -ANSWERED_LATELY_SECONDS

    def call(self, operation: Operation) -> Any:
        if makes_something(operation) and self.is_runebook():
            operation = with_key(operation)
        repeatable = is_repeatable(operation, on_runebook=self._is_runebook is True)
        response = self.send(as_request(operation), repeatable=repeatable)
        try:
            return codec.decode_reply(type(operation), response.data)
        except msgspec.DecodeError as error:
            raise InternalError(
                f"{self._server.base_url} answered {type(operation).spec.name} with something that is no reply to it "
                f"({error}). Is it the address of a tracking server?"
            ) from None

    def artifacts(self, uri: str) -> tuple[ArtifactStore, str]:
        from runebook.client.served_artifacts import ServedArtifactStore

        return ArtifactResolver(served=ServedArtifactStore(self)).resolve(uri)

    def takes_long_tags(self) -> bool:
        return self.is_runebook()

    def is_runebook(self) -> bool:
        """Asked of the server once; one that does not know the question is MLflow's."""
        if self._is_runebook is None:
            try:
                info = msgspec.json.decode(self.send(as_request(GetServerInfo()), repeatable=True).data)
            except (TemporarilyUnavailable, InternalError, Unauthenticated, PermissionDenied):
                raise
            except (RunebookError, msgspec.DecodeError):
                info = {}
            self._is_runebook = isinstance(info, dict) and bool(info.get("runebook_version"))
        return self._is_runebook

    def reach(self) -> None:
        """See `Transport`. Whatever a server answers, it is there."""
        if time.monotonic() - self._answered < ANSWERED_LATELY_SECONDS:
            return
        try:
            self.send(as_request(GetServerInfo()), repeatable=True)
        except TemporarilyUnavailable:
            raise
        except RunebookError:
            return

    def send(self, request: Request, *, repeatable: bool) -> urllib3.BaseHTTPResponse:
        """The answer, read whole, after as many attempts as it takes.

        Raises:
            RunebookError: the server refused, in its own code and words.
            TemporarilyUnavailable: it could not be reached, or did not answer in time.

        """
        attempt = 0
        while True:
            outcome = self._attempt(request, repeatable=repeatable)
            if outcome.answer is not None:
                return outcome.answer
            if not outcome.is_retried or attempt >= self._settings.max_retries or _is_too_late():
                raise outcome.error
            self._pause(attempt, outcome)
            attempt += 1

    def get(self, target: str) -> bytes:
        """The body at a path and query."""
        return self.send(Request("GET", target), repeatable=True).data

    def stream(
        self, verb: str, target: str, *, body: Iterable[bytes] | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """For files: the body goes chunk by chunk, and the answer is not read yet.

        Sent again as other requests are; a body that is made on the way only if the server was not reached at all.
        """
        content = b"".join(body) if isinstance(body, list) else body
        may_repeat = content is None or isinstance(content, bytes)
        attempt = 0
        while True:
            outcome = self._attempt_stream(verb, target, content, headers or {}, repeatable=may_repeat)
            if outcome.answer is not None:
                return outcome.answer
            if not outcome.is_retried or attempt >= self._settings.max_retries or _is_too_late():
                raise outcome.error
            self._pause(attempt, outcome)
            attempt += 1

    def _attempt_stream(
        self, verb: str, target: str, body: bytes | Iterable[bytes] | None, headers: dict[str, str], *, repeatable: bool
    ) -> _Outcome:
        import urllib3

        pool = self._pool or self._connect()
        octets = {"Content-Type": "application/octet-stream"} if body is not None else {}
        sent = self._headers() | octets | headers
        try:
            response = pool.request(
                verb,
                self._server.base_url + target,
                body=body,
                headers=sent,
                preload_content=False,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self._settings.timeout_seconds),
            )
        except urllib3.exceptions.HTTPError as error:
            return self._failed(error, repeatable=repeatable)
        if response.status < 300:
            return _Outcome(InternalError("answered"), answer=response)
        response.read(cache_content=True)
        return _Outcome(
            _refusal(response),
            is_retried=repeatable and _may_pass(response),
            retry_after=response.headers.get("Retry-After"),
        )

    def takes_frames(self) -> bool:
        return self.is_runebook()

    def for_shipping(self) -> Transport:
        """Connections of its own, so that a reader does not wait behind a large frame."""
        single = HttpTransport(self.uri, msgspec.structs.replace(self._settings, max_retries=0))
        single._is_runebook = self._is_runebook or None  # what was taken for MLflow may have been a proxy
        return single

    def upkeep(self) -> None:
        """The server's business."""

    def before_fork(self) -> None:
        """A connection is used by the process that opened it; there is nothing to put away."""

    def after_fork(self) -> None:
        """The parent goes on with its connections."""

    def after_fork_in_child(self) -> None:
        self._pool = None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.clear()
            self._pool = None

    def _connect(self) -> urllib3.PoolManager:
        self._pool = open_pool(self._server, self._settings)
        return self._pool

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": f"runebook-python/{__version__}"}
        if self._server.authorization is not None:
            headers["Authorization"] = self._server.authorization
        return headers

    def _attempt(self, request: Request, *, repeatable: bool) -> _Outcome:
        import urllib3

        pool = self._pool or self._connect()
        redirects = urllib3.Retry(
            total=None,
            connect=0,
            read=0,
            other=0,
            redirect=5,
            respect_retry_after_header=False,  # it is honoured where attempts are counted
        )
        try:
            response = pool.request(
                request.verb,
                self._server.base_url + request.target,
                body=request.body,
                headers=self._headers() | request.headers(),
                retries=redirects,
                redirect=self._settings.allow_redirects,
                timeout=self._timeout(request),
            )
        except urllib3.exceptions.HTTPError as error:
            return self._failed(error, repeatable=repeatable)
        if _is_cut(response):
            cut = urllib3.exceptions.ProtocolError("The connection was cut in the middle of an answer.")
            return self._failed(cut, repeatable=repeatable)
        if response.status < 300:
            self._answered = time.monotonic()
            return _Outcome(InternalError("answered"), answer=response)
        is_retried = response.status in REFUSED_STATUSES or (repeatable and _may_pass(response))
        return _Outcome(_refusal(response), is_retried=is_retried, retry_after=response.headers.get("Retry-After"))

    def _timeout(self, request: Request) -> urllib3.Timeout:
        """Who is in a hurry waits for no connection, and for no answer to a mere question."""
        import urllib3

        left, read = seconds_left(), self._settings.timeout_seconds
        if left is None:
            return urllib3.Timeout(connect=read, read=read)
        soon = max(left, LEAST_SECONDS)
        return urllib3.Timeout(connect=min(soon, read), read=min(soon, read) if request.verb == "GET" else read)

    def _failed(self, error: urllib3.exceptions.HTTPError, *, repeatable: bool) -> _Outcome:
        """There was no answer."""
        import urllib3

        never_sent = isinstance(_root_cause(error), (urllib3.exceptions.NewConnectionError, ConnectionRefusedError))
        is_hopeless = isinstance(_root_cause(error), (urllib3.exceptions.SSLError, ssl.SSLError))
        kind = UntrustedServer if is_hopeless else TemporarilyUnavailable
        return _Outcome(self._unreachable(error, kind), is_retried=(repeatable or never_sent) and not is_hopeless)

    def _pause(self, attempt: int, outcome: _Outcome) -> None:
        """Wait before the next attempt, and say so: a program that stands still for minutes must not look hung."""
        seconds = pause_seconds(attempt, self._settings, outcome.retry_after)
        if seconds_left() is None:
            _logger.warning(
                "%s Trying again in %.1f s (%d of %d).", outcome.error, seconds, attempt + 1, self._settings.max_retries
            )
        time.sleep(seconds)

    def _unreachable(self, error: Exception, kind: type[TemporarilyUnavailable]) -> RunebookError:
        reason = _root_cause(error)
        return kind(
            f"The server at {self._server.base_url} cannot be reached: {type(reason).__name__}: {reason}. "
            "Check the tracking URI and the network."
        )


def _is_too_late() -> bool:
    left = seconds_left()
    return left is not None and left < HURRIED_PAUSE_SECONDS


class _Outcome(NamedTuple):
    """Of one attempt: an answer, or an error and whether trying again makes sense."""

    error: RunebookError
    answer: urllib3.BaseHTTPResponse | None = None
    is_retried: bool = False
    retry_after: str | None = None


def _refusal(response: urllib3.BaseHTTPResponse) -> RunebookError:
    """The error that the server names; one that it does not name goes by the HTTP status."""
    try:
        fields = msgspec.json.decode(response.data)
    except msgspec.DecodeError:
        fields = None
    if isinstance(fields, dict) and isinstance(fields.get("error_code"), str):
        return error_from_code(fields["error_code"], str(fields.get("message", "")))
    detail = fields.get("detail") if isinstance(fields, dict) else None
    text = str(detail) if detail else response.data[:500].decode("utf-8", "replace").strip()
    message = f"The server answered {response.status}: {text or response.reason}"
    default = "INTERNAL_ERROR" if response.status >= 500 else "BAD_REQUEST"
    if response.status == 404:
        return UnknownAddress(message)
    return error_from_code(_CODES.get(response.status, default), message)


def _is_cut(response: urllib3.BaseHTTPResponse) -> bool:
    """Whether the connection was cut among the headers of an answer, which Python takes for their end."""
    return not response.data and response.status != 204 and response.headers.get("Content-Length") != "0"


def _may_pass(response: urllib3.BaseHTTPResponse) -> bool:
    """Whether asking again may help: a 500 that names its reason, such as INVALID_STATE, will name it again."""
    if response.status not in RETRIED_STATUSES:
        return False
    return response.status != 500 or _refusal(response).error_code == "INTERNAL_ERROR"


def _root_cause(error: Exception) -> BaseException:
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, BaseException) else error
