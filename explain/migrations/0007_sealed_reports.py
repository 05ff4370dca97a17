"""Reports repeat a person's inputs, so they are encrypted under their decision's key, as all else of a case is.

What stands in clear is encrypted here, and comes back in clear when this is taken back. A report on a decision without
a key (of the first format) cannot be: it is dropped and may be asked for anew; its digest is in the trail.
Why somebody asked stands in the trail, encrypted, and was read nowhere else.

The format is that of `explain.sealing` and `audit.encryption`, written out as it was then; a test opens it with those.
"""

import hashlib
import json
import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from django.conf import settings
from django.db import migrations, models

FAILED = {"state": "failed", "stage": "Failed", "error": "This report was not encrypted and was dropped. Try again."}


def seal_reports(apps, schema_editor):
    for row, aead, bound in _with_keys(apps, schema_editor, report__isnull=False):
        if aead is None:
            row.report, row.report_sha256 = None, None
            for name, value in FAILED.items():
                setattr(row, name, value)
        else:
            nonce, content = os.urandom(12), json.dumps(row.report, ensure_ascii=False, separators=(",", ":"))
            row.sealed_report = nonce + aead.encrypt(nonce, content.encode(), bound)
            row.completeness = row.report.get("completeness", "")
        row.save()


def open_reports(apps, schema_editor):
    for row, aead, bound in _with_keys(apps, schema_editor, sealed_report__isnull=False):
        stored = bytes(row.sealed_report)
        row.report = json.loads(aead.decrypt(stored[:12], stored[12:], bound))
        row.save()


def _with_keys(apps, schema_editor, **which):
    """Each row with its decision's key (None where it has none) and what its report is bound to."""
    connection = schema_editor.connection
    rows = apps.get_model("explain", "Explanation").objects.using(connection.alias).filter(**which)
    for identifier in list(rows.values_list("pk", flat=True)):
        row = rows.get(pk=identifier)
        with connection.cursor() as cursor:
            cursor.execute("select kek, wrapped from audit_key where entry_id = %s", [row.decision_id])
            kept = cursor.fetchone()
        aead = None
        if kept and kept[1] is not None:
            wrapped = bytes(kept[1])
            key = _data_key(bytes(kept[0])).decrypt(wrapped[:12], wrapped[12:], row.decision_id.bytes)
            aead = AESGCM(HKDFExpand(SHA256(), 32, b"explain/case/v1").derive(key))
        yield row, aead, row.decision_id.bytes + f"report/{row.pk}".encode()


def _data_key(kek):
    """The key-encryption key of that name: the present one, or the one before while a rotation lasts."""
    for name in ("DATA_KEY", "DATA_KEY_PREVIOUS"):
        kept = Path(os.environ.get(f"{name}_FILE") or settings.VAR_DIR / "secrets" / name.lower())
        secret = os.environ.get(name) or (kept.read_text(encoding="utf-8").strip() if kept.is_file() else "")
        if hashlib.sha256(b"countersign/kek-id\x00" + secret.encode()).digest()[:4] == kek:
            return AESGCM(hashlib.sha256(b"countersign/kek\x00" + secret.encode()).digest())
    raise RuntimeError("Reports cannot be encrypted: give migrate the DATA_KEY that the running processes have.")


DONE_HAS_REPORT = models.CheckConstraint(
    name="explanation_done_has_report",
    condition=models.Q(
        models.Q(("state", "done"), _negated=True),
        models.Q(("report_sha256__isnull", False), ("sealed_report__isnull", False)),
        models.Q(("erased_on__isnull", False), ("report_sha256__isnull", False), ("sealed_report__isnull", True)),
        _connector="OR",
    ),
)


class Migration(migrations.Migration):
    dependencies = [("explain", "0006_first_letters"), ("audit", "0005_acts_by_time")]
    operations = [
        migrations.RunSQL("set local lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("explanation", "sealed_report", models.BinaryField(null=True)),
        migrations.AddField(
            "explanation", "completeness", models.CharField(max_length=16, default="", blank=True)
        ),
        migrations.RemoveConstraint("explanation", "explanation_done_has_report"),
        migrations.RunPython(seal_reports, open_reports),
        migrations.RemoveField("explanation", "report"),
        migrations.RemoveField("explanation", "reason"),
        migrations.AddConstraint("explanation", DONE_HAS_REPORT),
    ]
