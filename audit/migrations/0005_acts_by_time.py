"""Acts by time without the gateways' heartbeats: what people look at, few among many millions."""

from django.db import migrations

FORWARD = """
create index audit_act_by_time on audit_entry (id desc) where type <> 'decision' and type <> 'gateway.heartbeat';
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_asked")]
    operations = [migrations.RunSQL(FORWARD, "drop index audit_act_by_time")]
