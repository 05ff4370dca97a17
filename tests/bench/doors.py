"""The product's doors as callers and people use them: HTTP with a token, or signed in as a person."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

# The portal closes a connection that was silent for two seconds; a request must not meet that.
KEPT_SECONDS = 1.0


class Refused(RuntimeError):
    """An answer other than the expected; the message says which."""


class Door:
    """One keep-alive connection of one caller."""

    def __init__(self, url: str, token: str = "", seconds: float = 30) -> None:
        address = urlsplit(url)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=seconds)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._cookies: dict[str, str] = {}
        self._used = 0.0

    def get(self, path: str) -> Any:
        """The JSON of a 200."""
        return json.loads(self._expect("GET", path, b"", {}, 200))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON of a 200, 201 or 202."""
        headers = {"Content-Type": "application/json", "X-CSRFToken": self._cookies.get("csrftoken", "")}
        return json.loads(self._expect("POST", path, json.dumps(body).encode(), headers, 200, 201, 202))

    def upload(self, path: str, parts: Mapping[str, bytes]) -> Any:
        """The JSON of a 200 or 201 to a form of files."""
        frame = secrets.token_hex(16)
        head = '--{}\r\nContent-Disposition: form-data; name="{}"; filename="{}"\r\n\r\n'
        body = b"".join(head.format(frame, name, name).encode() + data + b"\r\n" for name, data in parts.items())
        headers = {"Content-Type": f"multipart/form-data; boundary={frame}"}
        return json.loads(self._expect("POST", path, body + f"--{frame}--\r\n".encode(), headers, 200, 201))

    def sign_in(self, username: str, password: str) -> None:
        """A session as that person, by the form on the page."""
        page = self._expect("GET", "/sign-in/", b"", {}, 200).decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if token is None:
            raise Refused("The sign-in page has no CSRF token.")
        form = {"username": username, "password": password, "csrfmiddlewaretoken": token[1]}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._expect("POST", "/sign-in/", urlencode(form).encode(), headers, 302)

    def _expect(self, method: str, path: str, body: bytes, headers: dict[str, str], *statuses: int) -> bytes:
        if time.monotonic() - self._used > KEPT_SECONDS:
            self._connection.close()
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        sent = {**self._headers, **headers, **(cookie if self._cookies else {})}
        self._connection.request(method, path, body, sent)
        response = self._connection.getresponse()
        content = response.read()
        self._used = time.monotonic()
        for line in response.headers.get_all("Set-Cookie") or ():
            name, _, value = line.split(";", 1)[0].partition("=")
            self._cookies[name] = value
        if response.status not in statuses:
            raise Refused(f"{method} {path} was answered {response.status}: {content[:500].decode(errors='replace')}")
        return content
