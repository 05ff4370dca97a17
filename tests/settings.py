"""The product's settings, on state of the tests' own that goes when they end."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="countersign-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)

# Before the product's settings are read; whatever the shell says must not lead the tests to real state.
_LEFT_OUT = ("DATABASE_URL", "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "ARTIFACT_DIR", "CI_ISSUERS_FILE")
for _name in (*_LEFT_OUT, "DEMO_MODE", "DEBUG"):
    os.environ.pop(_name, None)
os.environ |= {"VAR_DIR": _FOLDER, "EMBEDDED_DATABASE": "tests", "LOG_LEVEL": "WARNING"}
# Before a library that computes is imported: several test processes share the cores, and threads that wait spin.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_DISABLE_JIT": "1"}
# No worker runs beside most tests.
os.environ["CHECKS_WAIT_SECONDS"] = "0"

# A CI of the tests' own; tests/ci_tokens.py publishes its keys there.
CI_KEYS_FILE = os.path.join(_FOLDER, "ci-keys.json")
_CI = {"audience": "https://portal.test", "jwks_file": CI_KEYS_FILE}
os.environ["CI_ISSUERS"] = json.dumps(
    [{"issuer": f"https://{kind}.test", "kind": kind, **_CI} for kind in ("github", "gitlab")]
)

from portal.settings import *  # noqa: E402, F403  the environment had to be set first

# Fast, and the passwords of the tests protect nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# `up` makes it; WhiteNoise warns where it is not there.
STATIC_ROOT.mkdir()  # noqa: F405
