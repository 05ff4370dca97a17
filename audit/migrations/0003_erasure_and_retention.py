"""The rules of erasing and dropping, where no caller can go round them.

Nothing younger than six calendar months goes without a reason (AI Act Art. 19(1) and 26(6) speak of months, not of
days), nothing under a legal hold goes at all, and a month is dropped only when its archive was read back and the
entry that says so is sealed. Each function waits for holds that are just being placed.
"""

from django.db import migrations, models

GUARDS = """
set local lock_timeout = '5s';

-- Whoever placed a hold may not end it: one person's change of mind, or one person under pressure, must not do.
alter table audit_hold add constraint another_person_lifts check (lifted_by <> placed_by);

create function audit_decide_once() returns trigger language plpgsql as $$
begin
  -- Replaying after a restore is the owner's work, and brings back what was confirmed.
  if tg_op = 'INSERT' and new.state <> 'requested' and current_user = 'countersign_app' then
    raise exception 'an erasure begins as a request' using errcode = 'check_violation';
  end if;
  if tg_op = 'UPDATE' and old.state <> 'requested'
      and (new.state, new.decided_by, new.decided_at, new.decision_reason, new.override_reason)
        is distinct from (old.state, old.decided_by, old.decided_at, old.decision_reason, old.override_reason) then
    raise exception 'this erasure was decided already' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger decide_once before insert or update on audit_erasure
  for each row execute function audit_decide_once();

create function audit_lift_once() returns trigger language plpgsql as $$
begin
  if old.lifted_at is not null then
    raise exception 'this hold was lifted already' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger lift_once before update on audit_hold for each row execute function audit_lift_once();

-- A maximum can be taken back, and the daily work need not go through months that it has emptied already.
alter table audit_retention alter column months drop not null;
alter table audit_retention add column emptied_through date;
"""

GUARDS_BACK = """
alter table audit_retention drop column emptied_through;
delete from audit_retention where months is null;
alter table audit_retention alter column months set not null;
drop trigger lift_once on audit_hold;
drop function audit_lift_once();
drop trigger decide_once on audit_erasure;
drop function audit_decide_once();
alter table audit_hold drop constraint another_person_lifts;
"""

FORGETTING = """
-- Payloads of format 1 without a subject have had no row that says whether they can be read.
insert into audit_key (entry_id)
  select distinct p.entry_id from audit_payload p
  where not exists (select from audit_key k where k.entry_id = p.entry_id);

create function audit_forget(entries uuid[]) returns void language plpgsql as $$
begin
  -- Format 1 was not encrypted, so its payloads themselves must go.
  delete from audit_payload p using audit_key k
    where k.entry_id = any (entries) and p.entry_id = k.entry_id and k.wrapped is null and k.erased_on is null;
  update audit_key set token = null, kek = null, wrapped = null, erased_on = (now() at time zone 'UTC')::date
    where entry_id = any (entries) and erased_on is null;
end $$;

-- Decisions, and the words that people left about them (purposes of reading, reasons).
create function audit_forget_decisions(decisions uuid[]) returns void language plpgsql as $$
begin
  perform audit_forget(decisions || array(
    select id from audit_entry where type <> 'decision' and object = any (select unnest(decisions)::text)));
end $$;

drop function audit_erase(uuid);
create function audit_erase(erasure uuid) returns setof uuid
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  asked audit_erasure;
  gone uuid[];
begin
  select * into strict asked from audit_erasure where id = erasure and state = 'confirmed' for update;
  lock table audit_hold in share mode;
  if exists (select from audit_hold where lifted_at is null and system = asked.system
      and (audit_hold.token is null or audit_hold.token = asked.token)) then
    raise exception 'a legal hold stands against this erasure' using errcode = 'check_violation';
  end if;
  if asked.override_reason = '' and exists (select from audit_key
      where token = asked.token and entry_id >= audit_month_bound(now() - interval '6 months')) then
    raise exception 'decisions younger than six months need a reason' using errcode = 'check_violation';
  end if;
  -- Called again later, it must not reach what was decided since; a gateway's clock may be some minutes ahead.
  gone := array(select entry_id from audit_key
    where token = asked.token and entry_id < audit_month_bound(asked.decided_at + interval '5 minutes'));
  perform audit_forget_decisions(gone);
  return query select unnest(gone);
end $$;

-- What was confirmed before a backup was restored: the owner's, and without the rules, which were kept at the time.
create function audit_erase_again(erasure uuid) returns setof uuid language plpgsql as $$
declare
  asked audit_erasure;
  gone uuid[];
begin
  select * into strict asked from audit_erasure where id = erasure and state = 'confirmed';
  gone := array(select entry_id from audit_key
    where token = asked.token and entry_id < audit_month_bound(asked.decided_at));
  perform audit_forget_decisions(gone);
  return query select unnest(gone);
end $$;
"""

FORGETTING_BACK = """
drop function audit_erase_again(uuid);
drop function audit_erase(uuid);
create function audit_erase(erasure uuid) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  doomed bytea;
  touched integer;
begin
  select token into strict doomed from audit_erasure where id = erasure and state = 'confirmed' for update;
  update audit_key set token = null, kek = null, wrapped = null, erased_on = (now() at time zone 'UTC')::date
    where token = doomed;
  get diagnostics touched = row_count;
  return touched;
end $$;
revoke all on function audit_erase(uuid) from public;
grant execute on function audit_erase(uuid) to countersign_app;
drop function audit_forget_decisions(uuid[]);
drop function audit_forget(uuid[]);
"""

EXPIRY = """
-- Of a system's decisions of one month, after the given id, at most so many lose their personal data; which.
create function audit_expire(of_system text, in_month date, after_id uuid, at_most integer) returns setof uuid
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  low uuid := audit_month_bound(in_month::timestamp at time zone 'UTC');
  month_end timestamptz := (date_trunc('month', in_month::timestamp) + interval '1 month') at time zone 'UTC';
  high uuid := audit_month_bound(month_end);
  kept integer;
  gone uuid[];
begin
  select months into kept from audit_retention where system = of_system;
  if kept is null or month_end > now() - make_interval(months => greatest(kept, 6)) then
    raise exception 'the decisions of that month are still to be kept' using errcode = 'check_violation';
  end if;
  lock table audit_hold in share mode;
  if exists (select from audit_hold where lifted_at is null and system = of_system and token is null) then
    raise exception 'a legal hold is on the system' using errcode = 'check_violation';
  end if;
  gone := array(
    select k.entry_id from audit_key k join audit_entry e on e.id = k.entry_id
    where k.entry_id >= low and k.entry_id < high and k.entry_id > after_id and e.id >= low and e.id < high
      and e.type = 'decision' and e.system = of_system and k.erased_on is null
      and not exists (select from audit_hold h where h.token = k.token and h.lifted_at is null)
    order by k.entry_id limit at_most);
  perform audit_forget_decisions(gone);
  return query select unnest(gone);
end $$;
"""

EXPIRY_BACK = "drop function audit_expire(text, date, uuid, integer);"

DROPPING = """
create function audit_is_sealed(entry uuid) returns boolean language sql stable as $$
  select exists (select from audit_leaf l where l.entry_id = entry
    and l.leaf_index < (select max(size) from audit_checkpoint))
$$;

-- Take a month out of the database; how many entries. Half a second for each lock, so that whoever calls gives up
-- before a deadlock would be looked for and a decision be its victim.
create function audit_drop_month(of_month date) returns bigint
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '500ms' as $$
declare
  month_end timestamptz := (of_month + interval '1 month') at time zone 'UTC';
  low uuid := audit_month_bound(of_month::timestamp at time zone 'UTC');
  high uuid := audit_month_bound(month_end);
  suffix text := to_char(of_month, '_YYYY_MM');
  shelf audit_archive;
  parent text;
begin
  select * into shelf from audit_archive where month = of_month for update;
  if shelf.drop_entry is null or shelf.dropped_at is not null then
    raise exception 'the month is not archived, not announced, or dropped already' using errcode = 'check_violation';
  end if;
  if month_end > now() - interval '6 months' then
    raise exception 'the month is younger than six months' using errcode = 'check_violation';
  end if;
  lock table audit_hold in share mode;
  execute format('lock table %I in share mode', 'audit_entry' || suffix);
  if exists (select from audit_hold h where h.lifted_at is null
      and exists (select from audit_entry e where e.id >= low and e.id < high and e.system = h.system)) then
    raise exception 'a legal hold is on a system of that month' using errcode = 'check_violation';
  end if;
  if exists (
      select from (select distinct system from audit_entry where id >= low and id < high and system is not null) seen
      left join audit_retention r using (system)
      where r.months is null or month_end > now() - make_interval(months => r.months)) then
    raise exception 'a system of that month keeps its entries longer' using errcode = 'check_violation';
  end if;
  if exists (select from audit_key k join audit_entry e on e.id = k.entry_id
      where k.entry_id >= low and k.entry_id < high and e.id >= low and e.id < high
        and e.type = 'decision' and k.wrapped is not null) then
    raise exception 'personal data of that month can still be read' using errcode = 'check_violation';
  end if;
  if shelf.rows <> (select count(*) from audit_entry where id >= low and id < high)
      or shelf.rows <> (select count(*) from audit_leaf where entry_id >= low and entry_id < high
        and leaf_index < (select max(size) from audit_checkpoint)) then
    raise exception 'the archive does not hold every entry of the month, or one is not sealed'
      using errcode = 'check_violation';
  end if;
  if not audit_is_sealed(shelf.drop_entry) or not exists (select from audit_entry where id = shelf.drop_entry
      and type = 'retention.drop'
      and convert_from(entry, 'UTF8')::jsonb -> 'details' ->> 'manifest_sha256' = encode(shelf.manifest_sha256, 'hex'))
  then
    raise exception 'the entry that announces the drop is not sealed' using errcode = 'check_violation';
  end if;
  -- The tiles stay: the tree's size does not change, and every other entry's proof goes on holding.
  foreach parent in array array['audit_entry', 'audit_payload', 'audit_key', 'audit_leaf'] loop
    execute format('drop table %I', parent || suffix);
  end loop;
  update audit_archive set dropped_at = now() where month = of_month;
  return shelf.rows;
end $$;
"""

DROPPING_BACK = """
drop function audit_drop_month(date);
drop function audit_is_sealed(uuid);
"""

GRANTS = """
revoke all on function audit_forget(uuid[]), audit_forget_decisions(uuid[]), audit_erase(uuid), audit_erase_again(uuid),
  audit_expire(text, date, uuid, integer), audit_drop_month(date) from public;
grant execute on function audit_erase(uuid), audit_expire(text, date, uuid, integer), audit_drop_month(date)
  to countersign_app;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_proof")]
    operations = [
        migrations.RunSQL(GUARDS, GUARDS_BACK),
        migrations.RunSQL(FORGETTING, FORGETTING_BACK),
        migrations.RunSQL(EXPIRY, EXPIRY_BACK),
        migrations.RunSQL(DROPPING, DROPPING_BACK),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='retention',
            name='months',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='retention',
            name='emptied_through',
            field=models.DateField(null=True),
        ),
    ]
