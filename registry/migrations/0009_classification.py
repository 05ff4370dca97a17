"""Classification of systems and who provides them: rows are only added, and a system's risk class follows them."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
set local lock_timeout = '5s';
revoke update, delete on registry_systemclassification, registry_organisation, registry_registration
  from countersign_app;

-- The owner is held back as well: what was answered stays as it was answered.
create function registry_revision_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'revisions are only added: % on % is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on registry_systemclassification
  for each row execute function registry_revision_refuse();
create trigger append_only before update or delete on registry_organisation
  for each row execute function registry_revision_refuse();
create trigger append_only before update or delete on registry_registration
  for each row execute function registry_revision_refuse();

-- A system that is classified stands in the class that its newest classification gives it, and in no other.
create function registry_system_as_classified() returns trigger language plpgsql as $$
declare
  newest registry_systemclassification;
begin
  select * into newest from registry_systemclassification
    where system_id = new.id order by revision desc limit 1;
  if found and (newest.risk_class, newest.annex_iii_point)
      is distinct from (new.risk_class, new.annex_iii_point) then
    raise exception 'the system is classified otherwise' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger as_classified before update of risk_class, annex_iii_point on registry_system
  for each row execute function registry_system_as_classified();
"""

BACKWARD = """
drop trigger as_classified on registry_system;
drop function registry_system_as_classified();
drop trigger append_only on registry_systemclassification;
drop trigger append_only on registry_organisation;
drop trigger append_only on registry_registration;
drop function registry_revision_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_risks")]

    operations = [
        migrations.CreateModel(
            name='Organisation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.PositiveIntegerField()),
                ('reason', models.TextField()),
                ('changed_by', models.CharField(max_length=160)),
                ('changed_at', models.DateTimeField()),
                ('name', models.CharField(max_length=200)),
                ('address', models.TextField()),
                ('email', models.CharField(max_length=200)),
                ('phone', models.CharField(blank=True, max_length=60)),
                ('identifier', models.CharField(blank=True, max_length=60)),
                ('representative', models.TextField(blank=True)),
                ('member_states', models.JSONField(default=list)),
                ('size', models.CharField(max_length=8)),
                ('is_financial_institution', models.BooleanField()),
                ('is_public_body', models.BooleanField()),
            ],
            options={
                'ordering': ['-revision'],
                'abstract': False,
                'constraints': [models.UniqueConstraint(fields=('revision',), name='organisation_revision_unique'), models.CheckConstraint(condition=models.Q(('size__in', ['sme', 'smc', 'large'])), name='organisation_size_known')],
            },
        ),
        migrations.CreateModel(
            name='Registration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.PositiveIntegerField()),
                ('reason', models.TextField()),
                ('changed_by', models.CharField(max_length=160)),
                ('changed_at', models.DateTimeField()),
                ('trade_name', models.CharField(blank=True, max_length=200)),
                ('reference', models.CharField(blank=True, max_length=200)),
                ('functions', models.TextField(blank=True)),
                ('logic', models.TextField(blank=True)),
                ('market_status', models.CharField(blank=True, choices=[('not_yet', 'not on the market and not in service yet'), ('on_market', 'on the market'), ('in_service', 'in service'), ('no_longer', 'no longer on the market or in service'), ('recalled', 'recalled')], max_length=16)),
                ('member_states', models.JSONField(default=list)),
                ('submitter', models.TextField(blank=True)),
                ('provider', models.TextField(blank=True)),
                ('supply_forms', models.TextField(blank=True)),
                ('hardware', models.TextField(blank=True)),
                ('integrations', models.TextField(blank=True)),
                ('certificate', models.TextField(blank=True)),
                ('certificate_url', models.CharField(blank=True, max_length=500)),
                ('declaration_url', models.CharField(blank=True, max_length=500)),
                ('instructions_url', models.CharField(blank=True, max_length=500)),
                ('info_url', models.CharField(blank=True, max_length=500)),
                ('entry_url', models.CharField(blank=True, max_length=500)),
                ('rights_summary', models.TextField(blank=True)),
                ('dpia_summary', models.TextField(blank=True)),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='registrations', to='registry.system')),
            ],
            options={
                'ordering': ['-revision'],
                'abstract': False,
                'constraints': [models.UniqueConstraint(fields=('system', 'revision'), name='registration_revision_unique'), models.CheckConstraint(condition=models.Q(('market_status__in', ['', 'not_yet', 'on_market', 'in_service', 'no_longer', 'recalled'])), name='registration_status_known')],
            },
        ),
        migrations.CreateModel(
            name='SystemClassification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.PositiveIntegerField()),
                ('reason', models.TextField()),
                ('changed_by', models.CharField(max_length=160)),
                ('changed_at', models.DateTimeField()),
                ('role', models.CharField(max_length=16)),
                ('takeover', models.CharField(max_length=1, null=True)),
                ('annex_iii_point', models.CharField(max_length=16, null=True)),
                ('product_law', models.CharField(blank=True, max_length=160)),
                ('profiles', models.BooleanField()),
                ('exit_condition', models.CharField(max_length=1, null=True)),
                ('exit_assessment', models.TextField(blank=True)),
                ('practices', models.JSONField()),
                ('circumstances', models.JSONField(default=list)),
                ('first_used_on', models.DateField(null=True)),
                ('redesigned_on', models.DateField(null=True)),
                ('risk_class', models.CharField(choices=[('high', 'High risk (Art. 6)'), ('limited', 'Transparency duties (Art. 50)'), ('minimal', 'Minimal risk')], max_length=16)),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='classifications', to='registry.system')),
            ],
            options={
                'ordering': ['-revision'],
                'abstract': False,
                'constraints': [models.UniqueConstraint(fields=('system', 'revision'), name='classification_revision_unique'), models.CheckConstraint(condition=models.Q(('role__in', ['provider', 'deployer', 'both'])), name='classification_role_known'), models.CheckConstraint(condition=models.Q(('annex_iii_point__isnull', True), ('annex_iii_point__regex', '^(1\\([a-c]\\)|2|3\\([a-d]\\)|4\\([ab]\\)|5\\([a-d]\\)|6\\([a-e]\\)|7\\([a-d]\\)|8\\([ab]\\))$'), _connector='OR'), name='classification_point_known'), models.CheckConstraint(condition=models.Q(('exit_condition__isnull', True), models.Q(('annex_iii_point__isnull', False), ('exit_condition__in', ['a', 'b', 'c', 'd'])), _connector='OR'), name='classification_exit_known'), models.CheckConstraint(condition=models.Q(('practices__has_keys', ['a', 'b', 'ba', 'bb', 'c', 'd', 'e', 'f', 'g', 'h'])), name='classification_practices_answered'), models.CheckConstraint(condition=models.Q(('exit_condition__isnull', True), ('profiles', False), _connector='OR'), name='classification_profiling_bars_exit'), models.CheckConstraint(condition=models.Q(('exit_condition__isnull', True), models.Q(('exit_assessment', ''), _negated=True), _connector='OR'), name='classification_exit_is_assessed'), models.CheckConstraint(condition=models.Q(('takeover__isnull', True), models.Q(('role', 'deployer'), _negated=True), _connector='OR'), name='classification_takeover_makes_provider'), models.CheckConstraint(condition=models.Q(models.Q(('risk_class', 'high'), models.Q(models.Q(('annex_iii_point__isnull', False), ('exit_condition__isnull', True)), models.Q(('product_law', ''), _negated=True), _connector='OR')), models.Q(models.Q(('risk_class', 'high'), _negated=True), models.Q(models.Q(('annex_iii_point__isnull', False), ('exit_condition__isnull', True)), models.Q(('product_law', ''), _negated=True), _connector='OR', _negated=True)), _connector='OR'), name='classification_risk_follows')],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
