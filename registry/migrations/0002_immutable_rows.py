"""What is proven must not change: the app may add evidence, approvals and releases, and move a version's state.

Grants by column are the boundary. The trigger tells every gateway of a release in the moment it commits; it is in
the database so that no way of making a release can forget it.
"""

from django.db import migrations

FORWARD = """
set local lock_timeout = '5s';
revoke update, delete on registry_version, registry_evidence, registry_approval, registry_release
  from countersign_app;
revoke delete on registry_system from countersign_app;
grant update (state, submitted_by) on registry_version to countersign_app;
grant select on registry_system, registry_version, registry_release to countersign_gateway;

create function registry_release_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('production', (select slug from registry_system where id = new.system_id));
  return null;
end $$;
create trigger release_made after insert on registry_release
  for each row execute function registry_release_notify();
"""

BACKWARD = """
drop trigger release_made on registry_release;
drop function registry_release_notify();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial"), ("accounts", "0001_database_roles")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
