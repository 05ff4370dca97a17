"""The trail's tables: partitioned by month of the id, append-only by grants, with triggers as a seat belt.

The partition key is the UUIDv7 primary key itself, so one column stays unique over all partitions. Grants are the
boundary: the app and the gateway may add and read. Row triggers stop the owner from a slip (ENABLE ALWAYS, so
that `session_replication_role` does not switch them off); TRUNCATE triggers are not inherited, so each
partition gets its own. `audit_make_partitions` runs as the owner because the app may not create tables.
"""

from django.db import migrations, models

TABLES = """
set local lock_timeout = '5s';

create table audit_entry (
  id uuid primary key,
  recorded_at timestamptz not null default clock_timestamp(),
  type text not null,
  system text,
  version integer,
  release integer,
  status text,
  mode text,
  label text,
  score_ppm integer,
  latency_us integer,
  actor text not null,
  request_id text,
  object text,
  leaf_hash bytea not null,
  entry bytea not null,
  constraint entry_fits_leaf check (octet_length(entry) between 1 and 65535),
  constraint leaf_is_hash_of_entry check (leaf_hash = sha256('\\x00'::bytea || entry)),
  constraint decision_is_complete check (
    type <> 'decision' or (system is not null and latency_us is not null
      and status in ('answered', 'refused', 'failed') and mode in ('live', 'canary', 'shadow', 'reported'))),
  constraint answer_names_version check (status is distinct from 'answered' or version is not null)
) partition by range (id);
create index audit_decision_by_system on audit_entry (system, id desc) where type = 'decision';
create index audit_decision_by_version on audit_entry (system, version, id desc) where type = 'decision';
create index audit_decision_by_request on audit_entry (request_id) where request_id is not null;
create index audit_act_by_type on audit_entry (type, id desc) where type <> 'decision';

create table audit_payload (
  entry_id uuid not null,
  part smallint not null,
  key_id uuid,
  stored bytea not null,
  primary key (entry_id, part)
) partition by range (entry_id);

create table audit_subject (
  token bytea not null check (octet_length(token) = 16),
  entry_id uuid not null,
  primary key (token, entry_id)
) partition by range (entry_id);

create table audit_idempotency (
  caller text not null,
  key_mac bytea not null check (octet_length(key_mac) = 32),
  fingerprint bytea not null check (octet_length(fingerprint) = 32),
  entry_id uuid not null,
  expires_at timestamptz not null,
  primary key (caller, key_mac)
);
create index audit_idempotency_by_expiry on audit_idempotency (expires_at);
"""

TABLES_BACK = """
drop table audit_idempotency;
drop table audit_subject;
drop table audit_payload;
drop table audit_entry;
"""

SEAT_BELT = """
create function audit_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the trail is append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on audit_entry
  for each row execute function audit_refuse();
create trigger append_only before update on audit_payload
  for each row execute function audit_refuse();
alter table audit_entry enable always trigger append_only;
alter table audit_payload enable always trigger append_only;

create function audit_month_bound(month timestamptz) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from month) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

create function audit_make_partitions(months_ahead integer default 3, today timestamptz default now())
returns integer language plpgsql security definer set search_path = public, pg_temp as $$
declare
  first_day timestamptz;
  parent text;
  child text;
  made integer := 0;
begin
  -- Two schedulers at once: the second waits, then finds everything made.
  perform pg_advisory_xact_lock(7041776);
  for step in 0..months_ahead loop
    first_day := date_trunc('month', today at time zone 'UTC') at time zone 'UTC' + make_interval(months => step);
    foreach parent in array array['audit_entry', 'audit_payload', 'audit_subject'] loop
      child := parent || to_char(first_day at time zone 'UTC', '_YYYY_MM');
      continue when to_regclass(child) is not null;
      execute format('create table %I partition of %I for values from (%L) to (%L)', child, parent,
        audit_month_bound(first_day), audit_month_bound(first_day + interval '1 month'));
      if parent <> 'audit_subject' then
        execute format('create trigger no_truncate before truncate on %I
          for each statement execute function audit_refuse()', child);
        execute format('alter table %I enable always trigger no_truncate', child);
      end if;
      execute format('revoke all on %I from countersign_app, countersign_gateway', child);
      made := made + 1;
    end loop;
  end loop;
  return made;
end $$;
"""

SEAT_BELT_BACK = """
drop function audit_make_partitions(integer, timestamptz);
drop function audit_month_bound(timestamptz);
drop trigger append_only on audit_payload;
drop trigger append_only on audit_entry;
drop function audit_refuse() cascade;
"""

GRANTS = """
revoke all on audit_entry, audit_payload, audit_subject, audit_idempotency from countersign_app, countersign_gateway;
grant select, insert on audit_entry, audit_payload, audit_subject to countersign_app, countersign_gateway;
grant select, insert on audit_idempotency to countersign_gateway;
grant select, delete on audit_idempotency to countersign_app;
revoke all on function audit_make_partitions(integer, timestamptz) from public;
grant execute on function audit_make_partitions(integer, timestamptz) to countersign_app;
select audit_make_partitions(3);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("accounts", "0001_database_roles")]
    operations = [
        migrations.RunSQL(TABLES, TABLES_BACK),
        migrations.RunSQL(SEAT_BELT, SEAT_BELT_BACK),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('recorded_at', models.DateTimeField(editable=False)),
                ('type', models.CharField(max_length=64)),
                ('system', models.CharField(max_length=64, null=True)),
                ('version', models.IntegerField(null=True)),
                ('release', models.IntegerField(null=True)),
                ('status', models.CharField(max_length=16, null=True)),
                ('mode', models.CharField(max_length=16, null=True)),
                ('label', models.CharField(max_length=64, null=True)),
                ('score_ppm', models.IntegerField(null=True)),
                ('latency_us', models.IntegerField(null=True)),
                ('actor', models.CharField(max_length=160)),
                ('request_id', models.CharField(max_length=128, null=True)),
                ('object', models.CharField(max_length=160, null=True)),
                ('leaf_hash', models.BinaryField(max_length=32)),
                ('entry', models.BinaryField()),
            ],
            options={
                'db_table': 'audit_entry',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('pk', models.CompositePrimaryKey('caller', 'key_mac', blank=True, editable=False, primary_key=True, serialize=False)),
                ('caller', models.CharField(max_length=160)),
                ('key_mac', models.BinaryField(max_length=32)),
                ('fingerprint', models.BinaryField(max_length=32)),
                ('entry_id', models.UUIDField()),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'audit_idempotency',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Payload',
            fields=[
                ('pk', models.CompositePrimaryKey('entry_id', 'part', blank=True, editable=False, primary_key=True, serialize=False)),
                ('entry_id', models.UUIDField()),
                ('part', models.SmallIntegerField()),
                ('key_id', models.UUIDField(null=True)),
                ('stored', models.BinaryField()),
            ],
            options={
                'db_table': 'audit_payload',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Subject',
            fields=[
                ('pk', models.CompositePrimaryKey('token', 'entry_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('token', models.BinaryField(max_length=16)),
                ('entry_id', models.UUIDField()),
            ],
            options={
                'db_table': 'audit_subject',
                'managed': False,
            },
        ),
    ]
