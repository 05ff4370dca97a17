"""The law as data, statements, drafts and documents: what was signed stays as it was signed.

The first state of the law is loaded from the file beside the code; the file is never changed afterwards, a later law is
a file of its own (`manage.py load_regulation`). Grants are the boundary: the app adds, and marks a document as
withdrawn. Triggers keep the tables' owner from a slip.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

LAW = Path(__file__).parents[1] / "dossier" / "law" / "2026-07-27.json"

FORWARD = """
set local lock_timeout = '5s';
revoke update, delete on registry_regulation, registry_requirement, registry_statement, registry_document
  from countersign_app;
grant update (withdrawn_by, withdrawn_at, withdrawal_reason) on registry_document to countersign_app;

create function registry_law_refuse() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: what was loaded or signed stays', lower(tg_op), tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on registry_regulation
  for each row execute function registry_law_refuse();
create trigger append_only before update or delete on registry_requirement
  for each row execute function registry_law_refuse();
create trigger append_only before update or delete on registry_statement
  for each row execute function registry_law_refuse();
create trigger no_delete before delete on registry_document
  for each row execute function registry_law_refuse();
-- A withdrawal is said once.
create trigger withdrawn_once before update on registry_document
  for each row when (old.withdrawn_by is not null) execute function registry_law_refuse();
create trigger no_truncate before truncate on registry_regulation
  for each statement execute function registry_law_refuse();
create trigger no_truncate before truncate on registry_requirement
  for each statement execute function registry_law_refuse();
create trigger no_truncate before truncate on registry_statement
  for each statement execute function registry_law_refuse();
create trigger no_truncate before truncate on registry_document
  for each statement execute function registry_law_refuse();
"""

BACKWARD = """
drop function registry_law_refuse() cascade;
"""


def load_law(apps, schema_editor):
    """The law that is in force when the product is installed."""
    said = LAW.read_bytes()
    law = json.loads(said)
    alias = schema_editor.connection.alias
    regulation = apps.get_model("registry", "Regulation").objects.using(alias).create(
        version=law["version"],
        title=law["title"],
        in_force_from=law["in_force_from"],
        sources=law["sources"],
        groups=law["groups"],
        evidence=law["evidence"],
        sha256=hashlib.sha256(said).hexdigest(),
        loaded_by="system:migration",
        loaded_at=datetime.now(UTC),
    )
    requirement = apps.get_model("registry", "Requirement")
    requirement.objects.using(alias).bulk_create(
        requirement(
            regulation=regulation,
            item=point["id"],
            place=place,
            needs=point.get("needs", []),
            **{name: point[name] for name in TAKEN if name in point},
        )
        for place, point in enumerate(law["requirements"])
    )


TAKEN = (
    "ref", "title", "asks", "group", "article", "written_by", "applies_to", "condition", "applies_from", "mandatory",
    "evidence_from", "note", "deadline",
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0009_classification")]

    operations = [
        migrations.CreateModel(
            name='Regulation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=160, unique=True)),
                ('title', models.CharField(max_length=300)),
                ('in_force_from', models.DateField(unique=True)),
                ('sources', models.JSONField()),
                ('groups', models.JSONField()),
                ('evidence', models.JSONField()),
                ('sha256', models.CharField(max_length=64)),
                ('loaded_by', models.CharField(max_length=160)),
                ('loaded_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-in_force_from'],
            },
        ),
        migrations.CreateModel(
            name='Document',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80)),
                ('title', models.CharField(max_length=160)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('media_type', models.CharField(blank=True, max_length=100)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('size', models.PositiveIntegerField(default=0)),
                ('url', models.CharField(blank=True, max_length=500)),
                ('attached_by', models.CharField(max_length=160)),
                ('attached_at', models.DateTimeField()),
                ('withdrawn_by', models.CharField(max_length=160, null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('withdrawal_reason', models.TextField(blank=True)),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='registry.system')),
            ],
            options={
                'ordering': ['key', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('sha256__regex', '^[0-9a-f]{64}$'), ('size__gt', 0), ('url', '')), models.Q(models.Q(('url', ''), _negated=True), ('sha256', ''), ('size', 0)), _connector='OR'), name='document_file_or_address'), models.CheckConstraint(condition=models.Q(models.Q(('withdrawal_reason', ''), ('withdrawn_at', None), ('withdrawn_by', None)), models.Q(('withdrawn_at__gte', models.F('attached_at')), ('withdrawn_by__isnull', False), models.Q(('withdrawal_reason', ''), _negated=True)), _connector='OR'), name='document_withdrawn_whole')],
            },
        ),
        migrations.CreateModel(
            name='Requirement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('item', models.CharField(max_length=40)),
                ('place', models.PositiveSmallIntegerField()),
                ('ref', models.CharField(max_length=120)),
                ('title', models.CharField(max_length=160)),
                ('asks', models.TextField()),
                ('group', models.CharField(max_length=40)),
                ('article', models.CharField(max_length=40)),
                ('written_by', models.CharField(choices=[('auto', 'the records'), ('ml_lead', 'ML lead'), ('compliance', 'compliance officer')], max_length=16)),
                ('applies_to', models.CharField(max_length=16)),
                ('condition', models.TextField(null=True)),
                ('applies_from', models.JSONField()),
                ('mandatory', models.BooleanField()),
                ('evidence_from', models.JSONField()),
                ('needs', models.JSONField(default=list)),
                ('note', models.TextField(blank=True)),
                ('deadline', models.JSONField(null=True)),
                ('regulation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='requirements', to='registry.regulation')),
            ],
            options={
                'ordering': ['place'],
                'constraints': [models.UniqueConstraint(fields=('regulation', 'item'), name='requirement_item_unique'), models.UniqueConstraint(fields=('regulation', 'place'), name='requirement_place_unique'), models.CheckConstraint(condition=models.Q(('written_by__in', ['auto', 'ml_lead', 'compliance'])), name='requirement_writer_known'), models.CheckConstraint(condition=models.Q(('applies_to__in', ['provider', 'deployer', 'both'])), name='requirement_binds_somebody')],
            },
        ),
        migrations.CreateModel(
            name='Statement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('item', models.CharField(max_length=40)),
                ('revision', models.PositiveIntegerField()),
                ('kind', models.CharField(choices=[('statement', 'Statement'), ('comment', 'Comment'), ('override', 'Override'), ('not_applicable', 'Not applicable'), ('withdrawal', 'Withdrawn')], max_length=16)),
                ('text', models.TextField(blank=True)),
                ('reason', models.TextField(blank=True)),
                ('author', models.CharField(max_length=160)),
                ('signed_at', models.DateTimeField()),
                ('evidence', models.JSONField()),
                ('seen_version', models.PositiveIntegerField(null=True)),
                ('regulation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='registry.regulation')),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='registry.system')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='registry.version')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('system', 'item', 'revision'), name='statement_revision_unique'), models.CheckConstraint(condition=models.Q(('kind__in', ['statement', 'comment', 'override', 'not_applicable', 'withdrawal'])), name='statement_kind_known'), models.CheckConstraint(condition=models.Q(('revision__gte', 1)), name='statement_revision_counts'), models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length('text'), 100000), name='statement_text_fits'), models.CheckConstraint(condition=models.Q(('kind__in', ['not_applicable', 'withdrawal']), models.Q(('text', ''), _negated=True), _connector='OR'), name='statement_says_something'), models.CheckConstraint(condition=models.Q(('kind__in', ['statement', 'comment']), models.Q(('reason', ''), _negated=True), _connector='OR'), name='statement_gives_reason')],
            },
        ),
        migrations.CreateModel(
            name='StatementDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('item', models.CharField(max_length=40)),
                ('person', models.CharField(max_length=160)),
                ('text', models.TextField(blank=True)),
                ('based_on', models.PositiveIntegerField(default=0)),
                ('saved_at', models.DateTimeField()),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statement_drafts', to='registry.system')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('system', 'item', 'person'), name='draft_one_each'), models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length('text'), 100000), name='draft_text_fits')],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(load_law, migrations.RunPython.noop),
    ]
