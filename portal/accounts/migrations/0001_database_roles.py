"""The database roles of the running processes, and what they may do by default.

The owner migrates; the app may read and write every table that does not say otherwise; the gateway starts with
nothing. Roles belong to the whole server, so making one that exists is no error, and the reverse leaves them be.
"""

from django.db import migrations

FORWARD = """
do $$
declare role_name text;
begin
  foreach role_name in array array['countersign_app', 'countersign_gateway'] loop
    begin
      execute format('create role %I login', role_name);
    exception when duplicate_object or unique_violation then null;
    end;
    if not pg_has_role(current_user, role_name, 'member') then
      execute format('grant %I to current_user', role_name);
    end if;
    execute format('grant connect on database %I to %I', current_database(), role_name);
    execute format('grant usage on schema public to %I', role_name);
  end loop;
end $$;
alter default privileges in schema public grant select, insert, update, delete on tables to countersign_app;
alter default privileges in schema public grant usage, select on sequences to countersign_app;
grant select on django_migrations to countersign_app;
"""

BACKWARD = """
alter default privileges in schema public revoke all on tables from countersign_app;
alter default privileges in schema public revoke all on sequences from countersign_app;
"""


class Migration(migrations.Migration):
    initial = True
    # Before any table is made: default privileges reach only what comes after them.
    run_before = [("contenttypes", "0001_initial"), ("sessions", "0001_initial")]
    dependencies = []
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
