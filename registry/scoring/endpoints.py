"""Which predict endpoints may be asked, and the one call to them: bounded in time and size, and to no other address.

An endpoint is chosen by whoever registers a version, and the call is made from inside our network: so only hosts that
the operator listed are asked, at addresses that are public or listed themselves, looked up once and then kept to.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from audit.witnessing.calling import CallFailed, post

from .problems import ScoreInvalid
from .remote import Ask

MAX_ANSWER_BYTES = 1024 * 1024
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Where networks without IPv4 reach it (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Endpoints:
    """The operator's rules. `hosts`: `host`, `host:port`, an address, or a network into which listed hosts may resolve.

    `tokens` are sent as bearer tokens, by host. `seconds` bound a whole call, connecting included.
    """

    hosts: tuple[str, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 10.0

    def problem_of(self, url: str) -> str:
        """Why the endpoint may not be asked; empty when it may."""
        if not self.hosts:
            return "is refused: no host is allowed here; the operator allows one by REMOTE_MODEL_HOSTS"
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS[parts.scheme]
        if parts.scheme != "https" and host not in _LOOPBACK:
            return "must be an https address"
        if f"{host}:{port}" in self.hosts or (host in self.hosts and port == _DEFAULT_PORTS[parts.scheme]):
            return ""
        return f"is on {host}:{port}, which is not allowed here; the operator allows it by REMOTE_MODEL_HOSTS"

    def ask(self, url: str, *, deadline: float | None = None) -> Ask:
        """The way to ask this endpoint, until the deadline (monotonic) where there is one. `ScoreInvalid` in words."""

        def ask(body: bytes) -> bytes:
            if problem := self.problem_of(url):
                raise ScoreInvalid(f"the endpoint {problem}")
            left = self.seconds if deadline is None else min(self.seconds, deadline - time.monotonic())
            if left <= 0:
                raise ScoreInvalid("there was no time left to ask the endpoint")
            return self._post(url, body, left)

        return ask

    def _post(self, url: str, body: bytes, seconds: float) -> bytes:
        token = self.tokens.get((urlsplit(url).hostname or "").lower())
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = post(
                url,
                body,
                content_type="application/json",
                seconds=seconds,
                most_bytes=MAX_ANSWER_BYTES,
                headers=headers,
                dial=self._dial,
            )
        except CallFailed as failed:
            raise ScoreInvalid(f"the endpoint did not answer: {failed}") from None
        if 300 <= answer.status < 400:
            raise ScoreInvalid(f"the endpoint answers with a redirect ({answer.status}), which is not followed")
        if answer.status != 200:
            raise ScoreInvalid(f"the endpoint answers with HTTP status {answer.status}")
        return answer.body

    def _dial(self, address: tuple[str, int], timeout: float, source: object = None) -> socket.socket:
        """A connection to an address of the host that may be reached: looked up here, so that it cannot change."""
        host, port = address
        numbers = [str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        for number in numbers:
            if not self._is_reachable(host.lower(), ipaddress.ip_address(number)):
                raise OSError(f"{host} is at {number}, an internal address that is not allowed here")
        for number in numbers[:-1]:
            with suppress(OSError):
                return socket.create_connection((number, port), timeout)
        return socket.create_connection((numbers[-1], port), timeout)

    def _is_reachable(self, host: str, address: Address) -> bool:
        address = _reached(address)
        if address.is_global and not address.is_multicast:
            return True
        if host == "localhost" and address.is_loopback:
            return True
        return any(address in network for network in _networks(self.hosts))


def endpoints_from(hosts: Iterable[str], tokens: str, seconds: int) -> Endpoints:
    """The rules as the environment says them; `tokens` as `host=token`, separated by commas or lines."""
    pairs = [item.strip().partition("=") for item in tokens.replace("\n", ",").split(",") if item.strip()]
    named = {host.strip().lower(): token.strip() for host, _, token in pairs}
    listed = tuple(host.lower().replace("[", "").replace("]", "") for host in hosts)
    return Endpoints(listed, named, float(seconds))


def _reached(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _networks(hosts: Iterable[str]) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for host in hosts:
        try:
            yield ipaddress.ip_network(_bare(host), strict=False)
        except ValueError:
            continue


def _bare(host: str) -> str:
    """An address without its port: `127.0.0.1:8080` → `127.0.0.1`."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and ":" not in name else host
