"""Frozen dossiers and their signatures: what was signed stays as it was signed, and is kept for ten years.

Grants are the boundary: the app adds rows, and says once how a proposal ended. Triggers keep the tables' owner from a
slip: nobody signs what they were not named for, or another content; a dossier is complete only with every signature;
and it is not deleted within the ten years of AI Act Art. 18, which run from the last of three days: when it was
complete, when the system was first used, when the version first went live.
"""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
set local lock_timeout = '5s';
revoke update, delete on registry_frozendossier, registry_dossiersignature from countersign_app;
grant update (state, ended_by, ended_at, end_reason, pdf_sha256, end_entry) on registry_frozendossier
  to countersign_app;

create function registry_dossier_clock(of_dossier bigint) returns table (starts_on date, because text)
language sql stable as $$
  select * from (
    select (d.ended_at at time zone 'utc')::date, 'completed'
    from registry_frozendossier d where d.id = of_dossier and d.state = 'complete'
    union all
    (select c.first_used_on, 'first_used' from registry_systemclassification c
      join registry_frozendossier d on d.system_id = c.system_id
      where d.id = of_dossier and d.state = 'complete' order by c.revision desc limit 1)
    union all
    (select (r.released_at at time zone 'utc')::date, 'released' from registry_release r
      join registry_frozendossier d on d.version_id = r.version_id
      where d.id = of_dossier and d.state = 'complete' order by r.number limit 1)
  ) as days (starts_on, because)
  where starts_on is not null order by starts_on desc limit 1
$$;

create function registry_dossier_may_go(of_dossier bigint) returns boolean language sql stable as $$
  select coalesce((select starts_on + interval '10 years' < current_date
    from registry_dossier_clock(of_dossier)), false)
$$;

create function registry_frozen_stays() returns trigger language plpgsql as $$
declare
  ending text[] := array['state', 'ended_by', 'ended_at', 'end_reason', 'pdf_sha256', 'end_entry'];
begin
  if tg_op = 'INSERT' then
    if new.state <> 'proposed' then
      raise exception 'a dossier begins without signatures' using errcode = 'check_violation';
    end if;
    return new;
  end if;
  if tg_op = 'DELETE' then
    if not registry_dossier_may_go(old.id) then
      raise exception 'dossier % is kept: its ten years are not over', old.number using errcode = 'check_violation';
    end if;
    return old;
  end if;
  if old.state <> 'proposed' or to_jsonb(new) - ending is distinct from to_jsonb(old) - ending then
    raise exception 'dossier % stays as it was frozen', old.number using errcode = 'check_violation';
  end if;
  if new.state = 'complete' and exists (
    select from jsonb_array_elements(new.signatories) s where not exists (
      select from registry_dossiersignature g where g.dossier_id = new.id and g.person = s->>'person')
  ) then
    raise exception 'dossier % lacks signatures', old.number using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger frozen_stays before insert or update or delete on registry_frozendossier
  for each row execute function registry_frozen_stays();

create function registry_signature_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if not exists (
      select from registry_frozendossier d, jsonb_array_elements(d.signatories) s
      where d.id = new.dossier_id and d.state = 'proposed' and d.content_sha256 = new.content_sha256
        and s->>'person' = new.person and s->>'role' = new.role
    ) then
      raise exception '% is not named to sign this', new.person using errcode = 'check_violation';
    end if;
    return new;
  end if;
  if tg_op = 'DELETE' and registry_dossier_may_go(old.dossier_id) then
    return old;
  end if;
  raise exception 'a signature stays as it was given' using errcode = 'check_violation';
end $$;
create trigger signature_stays before insert or update or delete on registry_dossiersignature
  for each row execute function registry_signature_stays();
create trigger no_truncate before truncate on registry_frozendossier
  for each statement execute function registry_law_refuse();
create trigger no_truncate before truncate on registry_dossiersignature
  for each statement execute function registry_law_refuse();
"""

BACKWARD = """
drop function registry_signature_stays() cascade;
drop function registry_frozen_stays() cascade;
drop function registry_dossier_may_go(bigint);
drop function registry_dossier_clock(bigint);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0010_dossier'),
    ]

    operations = [
        migrations.CreateModel(
            name='FrozenDossier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content_sha256', models.CharField(max_length=64)),
                ('content_bytes', models.PositiveIntegerField()),
                ('gaps', models.JSONField()),
                ('reason', models.TextField(blank=True)),
                ('signatories', models.JSONField()),
                ('proposed_by', models.CharField(max_length=160)),
                ('proposed_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('proposed', 'Waits for signatures'), ('complete', 'Signed'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], default='proposed', max_length=16)),
                ('ended_by', models.CharField(max_length=160, null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('end_reason', models.TextField(blank=True)),
                ('pdf_sha256', models.CharField(blank=True, max_length=64)),
                ('proposal_entry', models.UUIDField()),
                ('end_entry', models.UUIDField(null=True)),
                ('regulation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.regulation')),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='frozen_dossiers', to='registry.system')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='frozen_dossiers', to='registry.version')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='DossierSignature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.CharField(max_length=160)),
                ('role', models.CharField(max_length=16)),
                ('statement', models.TextField()),
                ('content_sha256', models.CharField(max_length=64)),
                ('signed_at', models.DateTimeField()),
                ('entry_id', models.UUIDField()),
                ('dossier', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='registry.frozendossier')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddConstraint(
            model_name='frozendossier',
            constraint=models.UniqueConstraint(fields=('system', 'number'), name='frozen_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='frozendossier',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('system',), name='frozen_one_proposal'),
        ),
        migrations.AddConstraint(
            model_name='frozendossier',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'complete', 'declined', 'withdrawn'])), name='frozen_state_known'),
        ),
        migrations.AddConstraint(
            model_name='frozendossier',
            constraint=models.CheckConstraint(condition=models.Q(('content_sha256__regex', '^[0-9a-f]{64}$')), name='frozen_content_named'),
        ),
        migrations.AddConstraint(
            model_name='frozendossier',
            constraint=models.CheckConstraint(condition=models.Q(('gaps', []), models.Q(('reason', ''), _negated=True), _connector='OR'), name='frozen_gaps_have_reason'),
        ),
        migrations.AddConstraint(
            model_name='frozendossier',
            constraint=models.CheckConstraint(condition=models.Q(('signatories', []), _negated=True), name='frozen_somebody_signs'),
        ),
        migrations.AddConstraint(
            model_name='frozendossier',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('end_entry', None), ('end_reason', ''), ('ended_at', None), ('ended_by', None), ('pdf_sha256', ''), ('state', 'proposed')), models.Q(('end_entry__isnull', False), ('ended_at__isnull', False), ('ended_by__isnull', False), models.Q(models.Q(('pdf_sha256__regex', '^[0-9a-f]{64}$'), ('state', 'complete')), models.Q(('pdf_sha256', ''), ('state__in', ['declined', 'withdrawn']), models.Q(('end_reason', ''), _negated=True)), _connector='OR')), _connector='OR'), name='frozen_ended_whole'),
        ),
        migrations.AddConstraint(
            model_name='dossiersignature',
            constraint=models.UniqueConstraint(fields=('dossier', 'person'), name='signature_once_each'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
