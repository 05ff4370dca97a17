"""The gateway reads tokens, and hears when one is made or ended: a revoked token must stop working at once."""

from django.db import migrations

FORWARD = """
grant select on accounts_token to countersign_gateway;
revoke delete on accounts_token from countersign_app;
create function accounts_token_notify() returns trigger language plpgsql as $$
begin
  perform pg_notify('tokens', '');
  return null;
end $$;
create trigger token_changed after insert or update on accounts_token
  for each statement execute function accounts_token_notify();
"""

BACKWARD = """
drop trigger token_changed on accounts_token;
drop function accounts_token_notify();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_people_and_tokens")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
