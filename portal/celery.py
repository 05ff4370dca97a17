"""The workers' entry: every app's tasks, and what happens on a schedule."""

from __future__ import annotations

import os

import django
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from portal.queue import app  # noqa: E402  settings must be ready before the queue reads them

app.conf.imports = (
    "audit.tasks",
    "audit.exports.tasks",
    "audit.intake.tasks",
    "audit.retention.tasks",
    "audit.verifying.tasks",
    "explain.reviewing.tasks",
    "explain.tasks",
    "registry.checking.tasks",
    "registry.tasks",
)
app.conf.beat_schedule = {
    "requeue-stale-explanations": {"task": "explain.tasks.requeue_stale", "schedule": 10.0},
    "requeue-stale-corrections": {"task": "explain.reviewing.tasks.requeue_stale", "schedule": 30.0},
    "record-lone-halves": {"task": "audit.intake.tasks.record_lone_halves", "schedule": 60.0},
    "requeue-stale-checks": {"task": "registry.checking.tasks.requeue_stale", "schedule": 30.0},
    "requeue-stale-jobs": {"task": "audit.exports.tasks.requeue_stale", "schedule": 10.0},
    "let-go-of-exports": {"task": "audit.exports.tasks.let_go", "schedule": 3600.0},
    "make-partitions": {"task": "audit.tasks.make_partitions", "schedule": 6 * 3600.0},
    "ask-witnesses": {"task": "audit.tasks.ask_witnesses", "schedule": 30.0},
    "ask-timestamp-authority": {"task": "audit.tasks.ask_authority", "schedule": 3600.0},
    "keep-to-retention": {"task": "audit.retention.tasks.keep_to_policies", "schedule": 24 * 3600.0},
    "verify-trail": {"task": "audit.verifying.tasks.verify", "schedule": crontab(hour=2, minute=30)},
    "let-go-of-ci-identities": {"task": "registry.tasks.let_go_of_identities", "schedule": 3600.0},
    # What waits behind long work is not made up for: one look is as good as ten.
    "check-readiness": {"task": "registry.tasks.check_readiness", "schedule": 10.0, "options": {"expires": 10.0}},
    "forget-expired-idempotency-keys": {"task": "audit.tasks.forget_expired_keys", "schedule": 3600.0},
}
