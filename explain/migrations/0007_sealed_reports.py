"""Reports repeat a person's inputs, so they are encrypted under their decision's key, as all else of a case is.

What stands in clear is encrypted here, and comes back in clear when this is taken back. A report on a decision without
a key (of the first format) cannot be: it is dropped and may be asked for anew; its digest is in the trail.
Why somebody asked stands in the trail, encrypted, and was read nowhere else.

The format is that of `explain.sealing`, which is imported for it: a second writing of it could only differ.
"""

import json

from django.db import migrations, models

FAILED = {"state": "failed", "stage": "Failed", "error": "This report was not encrypted and was dropped. Try again."}


def seal_reports(apps, schema_editor):
    for row, seal, place in _with_seals(apps, schema_editor, report__isnull=False):
        if seal.is_broken:
            row.report, row.report_sha256 = None, None
            for name, value in FAILED.items():
                setattr(row, name, value)
        else:
            content = json.dumps(row.report, ensure_ascii=False, separators=(",", ":"))
            row.sealed_report = seal.seal(place, content.encode())
            row.completeness = row.report.get("completeness", "")
        row.save()


def open_reports(apps, schema_editor):
    for row, seal, place in _with_seals(apps, schema_editor, sealed_report__isnull=False):
        row.report = json.loads(seal.open(place, row.sealed_report))
        row.save()


def _with_seals(apps, schema_editor, **which):
    """Each row with the seal of its decision, whose key is read over the connection that migrates."""
    from audit.encryption import Wrapped
    from audit.keys import keyring
    from explain.sealing import Seal

    connection = schema_editor.connection
    rows = apps.get_model("explain", "Explanation").objects.using(connection.alias).filter(**which)
    for identifier in list(rows.values_list("pk", flat=True)):
        row = rows.get(pk=identifier)
        with connection.cursor() as cursor:
            cursor.execute("select kek, wrapped from audit_key where entry_id = %s", [row.decision_id])
            kept = cursor.fetchone()
        key = None
        if kept and kept[1] is not None:
            key = keyring().unwrap(Wrapped(bytes(kept[0]), bytes(kept[1])), row.decision_id)
        yield row, Seal.with_key(row.decision_id, key), f"report/{row.pk}"


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
