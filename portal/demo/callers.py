"""The demo's loan desk: sends applications to the real gateway, as any caller would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

CALLERS = 6


class GatewayFailed(RuntimeError):
    """The gateway did not answer as it should; the message says what it said."""


class LoanDesk:
    """Sends decisions with a token; a request sent twice is decided once (Idempotency-Key)."""

    def __init__(self, url: str, token: str, system: str) -> None:
        self.address = urlsplit(url)
        self.token = token
        self.system = system
        self._local = threading.local()

    def wait_for_release(self, number: int, *, seconds: float = 60) -> None:
        """Return once the gateway serves the release."""
        deadline = time.monotonic() + seconds
        while True:
            status, body = self._ask("GET", f"/v1/systems/{self.system}/production", None, {})
            if status == 200 and body.get("release") == number:
                return
            if time.monotonic() > deadline:
                raise GatewayFailed(f"The gateway does not serve release {number}: {body}")
            time.sleep(0.05)

    def send(
        self, first_number: int, applicants: Sequence[dict[str, Any]], progress: Callable[[int], None]
    ) -> list[dict[str, Any]]:
        """The answers to the applicants, numbered from `first_number`, in their order."""
        answers: list[dict[str, Any]] = []
        with ThreadPoolExecutor(CALLERS) as pool:
            for answer in pool.map(self._decide, range(first_number, first_number + len(applicants)), applicants):
                answers.append(answer)
                progress(len(answers))
        return answers

    def _decide(self, number: int, inputs: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"subject": f"applicant-{number}", "inputs": inputs}).encode()
        headers = {"Idempotency-Key": f"application-{number}", "X-Request-ID": f"application-{number}"}
        for wait in (0.2, 0.5, 1.0, 2.0, None):
            status, answer = self._ask("POST", f"/v1/systems/{self.system}/decide", body, headers)
            if status == 200:
                return answer
            if status not in (429, 503) or wait is None:
                raise GatewayFailed(f"Application {number} was answered {status}: {answer}")
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        try:
            response = self._request(method, path, body, sent)
        except (ConnectionError, HTTPException):
            # The gateway had closed an idle connection; asking anew is safe, since the key makes a repeat one decision.
            response = self._request(method, path, body, sent)
        return response.status, json.loads(response.read() or b"{}")

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> HTTPResponse:
        """Ask on this thread's connection, which is given up when it fails."""
        if not hasattr(self._local, "connection"):
            self._local.connection = HTTPConnection(self.address.hostname or "", self.address.port, timeout=30)
        try:
            self._local.connection.request(method, path, body, headers)
            return self._local.connection.getresponse()
        except (ConnectionError, HTTPException):
            self._local.connection.close()
            del self._local.connection
            raise
