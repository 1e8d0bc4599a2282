"""How a server is spoken to: http and https alone, and what the headers of its answers say."""

import urllib.request
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from kg_builder.errors import SourceUnreachable


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect away from http and https, and none from https to http, where anybody could change the bytes."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request that follows.

        Raises:
            SourceUnreachable: it would be less safe than the one before.
        """
        if urlsplit(newurl).scheme not in {"https", req.type}:
            raise SourceUnreachable(f"{req.full_url} redirects to {newurl}, which is less safe; --from names another address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener() -> urllib.request.OpenerDirector:
    """Knows http and https (and proxies named by the environment), unlike urlopen, which also opens files."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        director.add_handler(handler)
    return director


def retry_after(headers: Message) -> float | None:
    """Seconds from now, given as seconds or as a date."""
    said = headers.get("Retry-After")
    if said is None:
        return None
    if said.strip().isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def first_byte(headers: Message) -> int:
    """`bytes 100-199/200` begins at 100."""
    first = headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else -1


def total_bytes(headers: Message, begins: int) -> int | None:
    """How long the whole file is, of which the answer has what begins there; None where the server does not say."""
    whole = headers.get("Content-Range", "").rpartition("/")[2]
    if whole.isdigit():
        return int(whole)
    length = headers.get("Content-Length")
    return begins + int(length) if length is not None and length.isdigit() else None


def version(headers: Message) -> str | None:
    """What If-Range takes: a strong ETag, else the date."""
    etag = headers.get("ETag")
    return etag if etag is not None and not etag.startswith("W/") else headers.get("Last-Modified")
