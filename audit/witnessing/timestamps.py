"""RFC 3161: a timestamp authority's signed word that a checkpoint was there, checked against its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit.witnessing.calling import CallFailed, post

TIMEOUT_SECONDS = 5.0
_QUERY_TYPE = "application/timestamp-query"
_REPLY_TYPE = "application/timestamp-reply"


class TimestampFailed(Exception):
    """No timestamp that holds was given; the message says why."""


@dataclass(frozen=True)
class Timestamp:
    """When the authority says that it saw the text, and its whole reply (DER), which proves that."""

    at: datetime
    reply: bytes


def load_certificates(pem: bytes) -> list[x509.Certificate]:
    """The authority's own certificate first, then those that issued it, up to the root. ValueError for anything else.

    The authority is pinned by the first; the others are needed because OpenSSL checks whole chains only.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ValueError(f"the timestamp authority's certificates are not PEM: {error}") from None
    if certificates[-1].issuer != certificates[-1].subject:
        raise ValueError("the timestamp authority's certificates must end with the root that issued them")
    return certificates


def ask_timestamp(
    *, url: str, certificates: list[x509.Certificate], text: str, seconds: float = TIMEOUT_SECONDS
) -> Timestamp:
    """A timestamp over the SHA-256 of `text`, such as a signed checkpoint, from the authority at `url`.

    `TimestampFailed` where none comes within `seconds`, it is refused, or it does not hold: another text, another
    nonce than ours, or not signed by the first of the certificates.
    """
    request = TimestampRequestBuilder().data(text.encode("utf-8")).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        answer = post(url, request.as_bytes(), content_type=_QUERY_TYPE, seconds=seconds)
    except CallFailed as error:
        raise TimestampFailed(f"the timestamp authority could not be asked: {error}") from error
    if answer.status != 200 or answer.content_type.partition(";")[0].strip().lower() != _REPLY_TYPE:
        raise TimestampFailed(f"the timestamp authority answered {answer.status} with {answer.content_type!r}")
    return Timestamp(_verified_time(answer.body, text, certificates, request.nonce), answer.body)


def check_timestamp(reply: bytes, *, certificates: list[x509.Certificate], text: str) -> datetime:
    """The time that a kept reply proves for the text; `TimestampFailed` where it proves nothing."""
    return _verified_time(reply, text, certificates, nonce=None)


def _verified_time(reply: bytes, text: str, certificates: list[x509.Certificate], nonce: int | None) -> datetime:
    try:
        response: TimeStampResponse = decode_timestamp_response(reply)
        if response.status != PKIStatus.GRANTED:
            raise TimestampFailed(f"the authority refused, with status {response.status}: {response.status_string}")
        builder = VerifierBuilder(tsa_certificate=certificates[0], roots=certificates, nonce=nonce)
        builder.build().verify_message(response, text.encode("utf-8"))
        at: datetime = response.tst_info.gen_time
    except TimestampFailed:
        raise
    except Exception as error:  # a hostile reply fails as such, whatever error the parsers make of it
        raise TimestampFailed(f"the timestamp does not hold: {error}") from error
    return at
