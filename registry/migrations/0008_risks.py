"""The risk register: revisions and acceptances are added, never changed, and nobody accepts what they wrote themselves.

Grants are the boundary, triggers keep the tables' owner from a slip; four eyes stand in the database, too.
"""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
set local lock_timeout = '5s';
revoke update, delete on registry_risk, registry_riskrevision, registry_riskacceptance, registry_residualacceptance
  from countersign_app;

create function registry_risk_accepted_by_another() returns trigger language plpgsql as $$
begin
  if exists (select from registry_riskrevision where id = new.revision_id and written_by = new.accepted_by) then
    raise exception 'nobody accepts a risk as they wrote it themselves' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger accepted_by_another before insert on registry_riskacceptance
  for each row execute function registry_risk_accepted_by_another();
create trigger written_stays before update or delete on registry_riskrevision
  for each row execute function registry_refuse();
create trigger accepted_stays before update or delete on registry_riskacceptance
  for each row execute function registry_refuse();
create trigger accepted_stays before update or delete on registry_residualacceptance
  for each row execute function registry_refuse();
"""

BACKWARD = """
drop trigger accepted_stays on registry_residualacceptance;
drop trigger accepted_stays on registry_riskacceptance;
drop trigger written_stays on registry_riskrevision;
drop trigger accepted_by_another on registry_riskacceptance;
drop function registry_risk_accepted_by_another();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0007_incidents")]

    operations = [
        migrations.CreateModel(
            name='ResidualAcceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('register', models.JSONField()),
                ('reason', models.TextField()),
                ('accepted_by', models.CharField(max_length=160)),
                ('accepted_at', models.DateTimeField()),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='residual_acceptances', to='registry.version')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Risk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('recorded_by', models.CharField(max_length=160)),
                ('recorded_at', models.DateTimeField()),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='risks', to='registry.system')),
            ],
            options={
                'ordering': ['number'],
            },
        ),
        migrations.CreateModel(
            name='RiskRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('title', models.CharField(max_length=200)),
                ('source', models.CharField(choices=[('intended', 'Use as intended (Art. 9(2)(a))'), ('misuse', 'Foreseeable misuse (Art. 9(2)(b))'), ('market', 'Data from after it went live (Art. 9(2)(c), 72)')], max_length=16)),
                ('affected', models.TextField()),
                ('is_vulnerable', models.BooleanField(default=False)),
                ('harm', models.TextField()),
                ('severity', models.PositiveSmallIntegerField()),
                ('likelihood', models.PositiveSmallIntegerField()),
                ('controls', models.JSONField(default=list)),
                ('residual_severity', models.PositiveSmallIntegerField()),
                ('residual_likelihood', models.PositiveSmallIntegerField()),
                ('review_due', models.DateField()),
                ('is_closed', models.BooleanField(default=False)),
                ('reason', models.TextField()),
                ('written_by', models.CharField(max_length=160)),
                ('written_at', models.DateTimeField()),
                ('risk', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='registry.risk')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='RiskAcceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField()),
                ('accepted_by', models.CharField(max_length=160)),
                ('accepted_at', models.DateTimeField()),
                ('revision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='acceptance', to='registry.riskrevision')),
            ],
        ),
        migrations.AddConstraint(
            model_name='risk',
            constraint=models.UniqueConstraint(fields=('system', 'number'), name='risk_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='riskrevision',
            constraint=models.UniqueConstraint(fields=('risk', 'number'), name='risk_revision_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='riskrevision',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['intended', 'misuse', 'market'])), name='risk_source_known'),
        ),
        migrations.AddConstraint(
            model_name='riskrevision',
            constraint=models.CheckConstraint(condition=models.Q(('likelihood__range', (1, 5)), ('severity__range', (1, 5)), ('residual_likelihood__range', (1, 5)), ('residual_severity__range', (1, 5))), name='risk_ratings_in_scale'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
