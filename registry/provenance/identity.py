"""Checks the identity token of a CI job: signature, time, for whom it is meant, and what kind of run it was.

The token itself is neither kept nor put into any message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from registry.provenance import claims as reading
from registry.provenance.issuers import Issuer
from registry.provenance.keys import KeysUnavailable
from registry.vouching import IdentityRefused, Voucher

# Never `none`, and nothing with a shared secret: a public key must not be taken for one.
ALGORITHMS = ("RS256", "ES256")
NEEDED = ["exp", "iat", "iss", "aud", "sub", "jti"]
LEEWAY = timedelta(seconds=30)
# GitLab's tokens live as long as their job may take, which is a month at most.
LONGEST = timedelta(days=31)
MAX_TOKEN = 16_384
MAX_CLAIM = 255

# The signature and for whom a token is meant are PyJWT's to check; the time is ours, since it is given to us.
_OPTIONS: Any = {
    "require": NEEDED,
    "strict_aud": True,
    **{f"verify_{name}": False for name in ("exp", "iat", "nbf")},
}
_WORDS: tuple[tuple[type[jwt.PyJWTError], str, str], ...] = (
    (jwt.InvalidSignatureError, "signature", "Its signature does not hold."),
    (jwt.InvalidAudienceError, "audience", "It is meant for somebody else. Ask for one whose audience is {}."),
    (jwt.MissingRequiredClaimError, "claim_missing", "It lacks one of: " + ", ".join(NEEDED) + "."),
)


@dataclass(frozen=True)
class Identity:
    """A token that is genuine and of a run that may vouch; whether its repository is trusted is another question."""

    issuer: Issuer
    jti: str
    expires_at: datetime
    claims: Mapping[str, str]

    @property
    def kind(self) -> reading.Kind:
        """How its CI speaks."""
        return reading.KINDS[self.issuer.kind]

    @property
    def voucher(self) -> Voucher:
        """What it proves."""
        return Voucher(
            issuer=self.issuer.issuer,
            jti=self.jti,
            expires_at=self.expires_at,
            repository=self.claims.get(self.kind.repository, ""),
            commit=reading.commit_of(self.kind, self.claims),
            summary=reading.summary_of(self.kind, self.claims),
            source_url=reading.run_url(self.kind, self.issuer.issuer, self.claims),
            claims=reading.useful(self.kind, self.claims),
        )


def verify(
    token: str,
    *,
    issuers: Mapping[str, Issuer],
    find_key: Callable[[Issuer, str], jwt.PyJWK | None],
    now: datetime,
) -> Identity:
    """The identity; `IdentityRefused` with the first thing that is wrong and what the token claimed to be."""
    header, said = _read(token)
    claimed = claimed_by(said)
    issuer = issuers.get(str(said.get("iss")))
    if issuer is None:
        raise _refused("issuer", "Its issuer is not one that this portal knows.", claimed)
    if header.get("alg") not in ALGORITHMS:
        raise _refused("algorithm", f"It must be signed by {' or '.join(ALGORITHMS)}.", claimed)
    claims = _decode(token, issuer, header, find_key, claimed)
    identity = Identity(issuer, str(claims["jti"]), _check_times(claims, now, claimed), _texts(claims))
    if not _is_plain(identity.jti):
        raise _refused("malformed", f"Its jti must have 1 to {MAX_CLAIM} printable characters.", claimed)
    objection = reading.objection(identity.kind, identity.claims)
    if objection is not None:
        raise IdentityRefused(objection[1], code=objection[0], claimed=claimed)
    if not reading.commit_of(identity.kind, identity.claims):
        raise _refused("commit_missing", "It names no commit.", claimed)
    return identity


def claimed_by(claims: Mapping[str, Any]) -> dict[str, str]:
    """What an unproven token says of itself, short enough for the trail."""
    names = {"iss": "issuer", "repository": "repository", "project_path": "repository", "ref": "ref"}
    said = {names[name]: claims[name] for name in names if isinstance(claims.get(name), str)}
    # Control characters and halves of surrogate pairs are nothing that an entry could hold.
    return {name: "".join(c if c.isprintable() else "?" for c in text[:200]) for name, text in said.items()}


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        if not token.isascii() or len(token) > MAX_TOKEN:
            raise jwt.DecodeError
        header = jwt.get_unverified_header(token)
        return header, jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        raise _refused("malformed", f"It is no JSON Web Token of at most {MAX_TOKEN} characters.", {}) from None


def _decode(
    token: str, issuer: Issuer, header: dict[str, Any], find_key: Any, claimed: dict[str, str]
) -> dict[str, Any]:
    try:
        key = find_key(issuer, str(header.get("kid", "")))
    except KeysUnavailable as error:
        words = f"The keys of {issuer.issuer} cannot be had at the moment: {error}. Try again."
        raise _refused("keys_unavailable", words, claimed) from None
    if key is None:
        raise _refused("key_unknown", f"{issuer.issuer} has no key of that id.", claimed)
    try:
        # The algorithm is the header's, which is one of ours, and the key must be of its kind.
        return jwt.decode(
            token,
            key.key,
            algorithms=[header["alg"]],
            audience=issuer.audience,
            issuer=issuer.issuer,
            options=_OPTIONS,
        )
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise _translated(error, issuer, claimed) from None


def _translated(error: Exception, issuer: Issuer, claimed: dict[str, str]) -> IdentityRefused:
    for kind, code, words in _WORDS:
        if isinstance(error, kind):
            return _refused(code, words.format(issuer.audience), claimed)
    return _refused("malformed", "It cannot be read as a token of CI.", claimed)


def _check_times(claims: Mapping[str, Any], now: datetime, claimed: dict[str, str]) -> datetime:
    """When it expires."""
    expires, issued = _moment(claims, "exp", claimed), _moment(claims, "iat", claimed)
    begins = _moment(claims, "nbf", claimed) if "nbf" in claims else issued
    if expires <= now - LEEWAY:
        raise _refused("expired", "It has expired. Ask for it shortly before you send it.", claimed)
    if max(issued, begins) > now + LEEWAY:
        raise _refused("not_yet_valid", "It is not yet valid; a clock is wrong.", claimed)
    if expires - now > LONGEST:
        raise _refused("too_long", f"It lives longer than {LONGEST.days} days.", claimed)
    return expires


def _moment(claims: Mapping[str, Any], name: str, claimed: dict[str, str]) -> datetime:
    value = claims[name]
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise _refused("malformed", f"Its {name} is no time.", claimed) from None


def _texts(claims: Mapping[str, Any]) -> dict[str, str]:
    """The claims that are text, as all are that we read."""
    return {name: value for name, value in claims.items() if isinstance(value, str) and _is_plain(value)}


def _is_plain(text: str) -> bool:
    """Whether it could be a real claim, and a row could hold it."""
    return 0 < len(text) <= MAX_CLAIM and text.isprintable()


def _refused(code: str, words: str, claimed: Mapping[str, str]) -> IdentityRefused:
    return IdentityRefused(f"The CI token is refused. {words}", code=f"identity_{code}", claimed=claimed)
