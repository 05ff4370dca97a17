"""What is proven must not change here either, and gateways hear of every version that they should keep loaded.

Rules, requests and ratifications are only added; an approver or a trusted source is removed by a mark, never by
deleting the row. Reports are written by the gateways alone: the portal cannot make itself believe that one is well.
"""

from django.db import migrations

FORWARD = """
set local lock_timeout = '5s';
revoke update, delete on registry_gatepolicy, registry_approvalrule, registry_submission, registry_ratification
  from countersign_app;
revoke update, delete on registry_approver, registry_trustedsource from countersign_app;
grant update (removed_by, removed_at) on registry_approver, registry_trustedsource to countersign_app;
revoke delete on registry_checkrun, registry_rollbackreadiness from countersign_app;
revoke update on registry_seenidentity from countersign_app;
revoke insert, update on registry_gatewayreport from countersign_app;
grant select, insert, update, delete on registry_gatewayreport to countersign_gateway;

create function registry_version_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('production', (select slug from registry_system where id = new.system_id));
  return null;
end $$;
create trigger version_moved after update of state on registry_version
  for each row when (old.state is distinct from new.state) execute function registry_version_notify();
"""

BACKWARD = """
drop trigger version_moved on registry_version;
drop function registry_version_notify();
revoke all on registry_gatewayreport from countersign_gateway;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_evidence_and_approvals")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
