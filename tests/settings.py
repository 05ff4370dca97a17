"""The product's settings, on state of the tests' own that goes when they end."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="countersign-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)

# Before the product's settings are read; whatever the shell says must not lead the tests to real state.
for _name in ("DATABASE_URL", "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "ARTIFACT_DIR", "DEMO_MODE", "DEBUG"):
    os.environ.pop(_name, None)
os.environ |= {"VAR_DIR": _FOLDER, "EMBEDDED_DATABASE": "tests", "LOG_LEVEL": "WARNING"}

from portal.settings import *  # noqa: E402, F403  the environment had to be set first

# Fast, and the passwords of the tests protect nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# `up` makes it; WhiteNoise warns where it is not there.
STATIC_ROOT.mkdir()  # noqa: F405
