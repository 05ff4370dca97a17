"""Serious incidents, and the holds on versions: what a case holds stays as it was, for the later look at its causes.

AI Act Art. 73(6) forbids to alter the system before the authority has been told. A held version may leave production,
and nothing else happens to it: the database refuses its other moves and new evidence, and lifts the trail's hold only
once the case has ended and released it. What is said in a case is added, never changed: grants are the boundary, and
triggers keep a report that was sent from a slip of the tables' owner.
"""

import django.db.models.deletion
from django.db import migrations, models

GRANTS = """
set local lock_timeout = '5s';
revoke update, delete on registry_incident, registry_assessment, registry_incidentversion, registry_incidenthold,
  registry_incidentlink, registry_incidentstep, registry_incidentreport, registry_filing, registry_incidentmessage,
  registry_incidentfile from countersign_app;
grant update (state, due_at) on registry_incident to countersign_app;
grant update (released_by, released_at, release_reason) on registry_incidenthold to countersign_app;
"""

HELD = """
create function registry_held_by(of_version bigint) returns bigint language sql stable as $$
  select v.incident_id from registry_incidentversion v join registry_incidenthold h using (incident_id)
  where v.version_id = of_version and h.released_at is null order by 1 limit 1
$$;

create function registry_version_stays() returns trigger language plpgsql as $$
declare
  held bigint := registry_held_by(new.id);
begin
  if held is not null then
    raise exception 'the version is held because of incident %', held using errcode = 'check_violation';
  end if;
  return new;
end $$;
-- Taking it out of production is the one thing that a hold must never stand against.
create trigger held_version_stays before update of state on registry_version for each row
  when (old.state is distinct from new.state and new.state not in ('standby', 'quarantined'))
  execute function registry_version_stays();

create function registry_evidence_stays() returns trigger language plpgsql as $$
declare
  held bigint := registry_held_by(new.version_id);
begin
  if held is not null then
    raise exception 'the version is held because of incident %', held using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger held_version_takes_no_evidence before insert on registry_evidence
  for each row execute function registry_evidence_stays();

create function registry_hold_outlasts_case() returns trigger language plpgsql as $$
begin
  if old.released_at is not null then
    raise exception 'this hold was released already' using errcode = 'check_violation';
  end if;
  if exists (select from registry_incident where number = new.incident_id
      and state not in ('closed', 'not_serious')) then
    raise exception 'incident % is not closed', new.incident_id using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger hold_outlasts_case before update on registry_incidenthold
  for each row execute function registry_hold_outlasts_case();

create function registry_incident_keeps_hold() returns trigger language plpgsql as $$
declare
  held bigint;
begin
  select incident_id into held from registry_incidenthold where hold = new.id and released_at is null;
  if held is not null then
    raise exception 'this hold belongs to incident %, and is released there', held using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger incident_keeps_hold before update on audit_hold
  for each row execute function registry_incident_keeps_hold();

create function registry_refuse() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: what was said and sent stays', lower(tg_op), tg_table_name;
end $$;
create trigger sent_stays before update or delete on registry_filing for each row execute function registry_refuse();
create trigger saved_stays before update or delete on registry_incidentreport
  for each row execute function registry_refuse();
create trigger assessed_stays before update or delete on registry_assessment
  for each row execute function registry_refuse();
alter table registry_filing enable always trigger sent_stays;
alter table registry_incidentreport enable always trigger saved_stays;
alter table registry_assessment enable always trigger assessed_stays;
"""

HELD_BACK = """
drop trigger assessed_stays on registry_assessment;
drop trigger saved_stays on registry_incidentreport;
drop trigger sent_stays on registry_filing;
drop function registry_refuse();
drop trigger incident_keeps_hold on audit_hold;
drop function registry_incident_keeps_hold();
drop trigger hold_outlasts_case on registry_incidenthold;
drop function registry_hold_outlasts_case();
drop trigger held_version_takes_no_evidence on registry_evidence;
drop function registry_evidence_stays();
drop trigger held_version_stays on registry_version;
drop function registry_version_stays();
drop function registry_held_by(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_lost_check_runs"), ("audit", "0003_erasure_and_retention")]

    operations = [
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('state', models.CharField(default='open', max_length=24)),
                ('description', models.TextField()),
                ('due_at', models.DateTimeField()),
                ('opened_by', models.CharField(max_length=160)),
                ('opened_at', models.DateTimeField()),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='incidents', to='registry.system')),
            ],
            options={
                'ordering': ['due_at', 'number'],
            },
        ),
        migrations.CreateModel(
            name='IncidentMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('direction', models.CharField(choices=[('incoming', 'From the authority'), ('outgoing', 'To the authority')], max_length=16)),
                ('authority', models.CharField(max_length=200)),
                ('reference', models.CharField(blank=True, max_length=200)),
                ('at', models.DateTimeField()),
                ('words', models.TextField()),
                ('kept_by', models.CharField(max_length=160)),
                ('kept_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='registry.incident')),
            ],
            options={
                'ordering': ['at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentFile',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=160)),
                ('media_type', models.CharField(max_length=64)),
                ('content', models.BinaryField()),
                ('size', models.PositiveIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('added_by', models.CharField(max_length=160)),
                ('added_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='files', to='registry.incident')),
                ('message', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='files', to='registry.incidentmessage')),
            ],
            options={
                'ordering': ['added_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('stage', models.CharField(choices=[('initial', 'First report, which may be incomplete'), ('final', 'Complete report')], max_length=16)),
                ('sections', models.JSONField()),
                ('content', models.JSONField()),
                ('saved_by', models.CharField(max_length=160)),
                ('saved_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='registry.incident')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='Filing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('authority', models.CharField(max_length=200)),
                ('reference', models.CharField(blank=True, max_length=200)),
                ('sent_at', models.DateTimeField()),
                ('pdf', models.BinaryField()),
                ('pdf_sha256', models.CharField(max_length=64)),
                ('recorded_by', models.CharField(max_length=160)),
                ('recorded_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='filings', to='registry.incident')),
                ('report', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='filing', to='registry.incidentreport')),
            ],
            options={
                'ordering': ['sent_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entry_id', models.UUIDField()),
                ('event', models.CharField(max_length=64)),
                ('details', models.JSONField(default=dict)),
                ('words', models.TextField(blank=True)),
                ('done_by', models.CharField(max_length=160)),
                ('done_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='registry.incident')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('added_by', models.CharField(max_length=160)),
                ('added_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='held_versions', to='registry.incident')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.version')),
            ],
            options={
                'ordering': ['version__number'],
            },
        ),
        migrations.AddField(
            model_name='incident',
            name='versions',
            field=models.ManyToManyField(related_name='incidents', through='registry.IncidentVersion', to='registry.version'),
        ),
        migrations.CreateModel(
            name='Assessment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('kind', models.CharField(choices=[('health', "Death, or serious harm to somebody's health"), ('infrastructure', 'Serious and irreversible disruption of critical infrastructure'), ('rights', 'Infringement of the law that protects fundamental rights'), ('property', 'Serious harm to property or the environment')], max_length=16)),
                ('is_death', models.BooleanField(default=False)),
                ('is_widespread', models.BooleanField(default=False)),
                ('role', models.CharField(choices=[('provider', 'Provider: we made it, or had it made under our name'), ('deployer', 'Deployer: we use what another made')], max_length=16)),
                ('aware_at', models.DateTimeField()),
                ('causality', models.CharField(choices=[('unknown', 'Not known yet'), ('suspected', 'Reasonably likely'), ('established', 'Established')], default='unknown', max_length=16)),
                ('causality_at', models.DateTimeField(null=True)),
                ('sector_rule', models.TextField(blank=True)),
                ('reason', models.TextField()),
                ('assessed_by', models.CharField(max_length=160)),
                ('assessed_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assessments', to='registry.incident')),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.UniqueConstraint(fields=('incident', 'number'), name='assessment_number_unique'), models.CheckConstraint(condition=models.Q(('kind__in', ['health', 'infrastructure', 'rights', 'property'])), name='assessment_kind_known'), models.CheckConstraint(condition=models.Q(('role__in', ['provider', 'deployer'])), name='assessment_role_known'), models.CheckConstraint(condition=models.Q(('is_death', False), ('kind', 'health'), _connector='OR'), name='assessment_death_is_of_health'), models.CheckConstraint(condition=models.Q(('aware_at__lte', models.F('assessed_at'))), name='assessment_not_in_the_future'), models.CheckConstraint(condition=models.Q(models.Q(('causality', 'unknown'), ('causality_at', None)), models.Q(('causality__in', ('suspected', 'established')), ('causality_at__lte', models.F('assessed_at'))), _connector='OR'), name='assessment_causality_has_its_day')],
            },
        ),
        migrations.CreateModel(
            name='IncidentHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hold', models.UUIDField(unique=True)),
                ('placed_by', models.CharField(max_length=160)),
                ('placed_at', models.DateTimeField()),
                ('released_by', models.CharField(max_length=160, null=True)),
                ('released_at', models.DateTimeField(null=True)),
                ('release_reason', models.TextField(blank=True)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='registry.incident')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('released_at', None)), fields=('incident',), name='incident_one_hold'), models.CheckConstraint(condition=models.Q(('released_by', None), models.Q(('released_by', models.F('placed_by')), _negated=True), _connector='OR'), name='incident_hold_released_by_another')],
            },
        ),
        migrations.CreateModel(
            name='IncidentLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('decision', 'Decision'), ('dispute', 'Dispute'), ('release', 'Release or rollback'), ('url', 'Something elsewhere')], max_length=16)),
                ('value', models.CharField(max_length=500)),
                ('added_by', models.CharField(max_length=160)),
                ('added_at', models.DateTimeField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='links', to='registry.incident')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('incident', 'what', 'value'), name='incident_link_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='incidentmessage',
            constraint=models.CheckConstraint(condition=models.Q(('at__lte', models.F('kept_at'))), name='message_not_in_the_future'),
        ),
        migrations.AddConstraint(
            model_name='incidentreport',
            constraint=models.UniqueConstraint(fields=('incident', 'number'), name='incident_report_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='incidentreport',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ('initial', 'final'))), name='incident_report_stage_known'),
        ),
        migrations.AddConstraint(
            model_name='filing',
            constraint=models.CheckConstraint(condition=models.Q(('sent_at__lte', models.F('recorded_at'))), name='filing_not_in_the_future'),
        ),
        migrations.AddConstraint(
            model_name='incidentversion',
            constraint=models.UniqueConstraint(fields=('incident', 'version'), name='incident_version_once'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['due_at', 'number'], name='incident_by_deadline'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'reported_initial', 'reported_final', 'closed', 'not_serious'])), name='incident_state_known'),
        ),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
        migrations.RunSQL(HELD, HELD_BACK),
    ]
