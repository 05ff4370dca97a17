"""What was said, decided and sent in a case is added and never changed: grants by column are the boundary.

A sent letter is refused to the tables' owner, too, by a trigger: the seat belt of whoever works on the database.
"""

from django.db import migrations

FORWARD = """
set local lock_timeout = '5s';
revoke update, delete on explain_disputepolicy, explain_casestep, explain_attachment, explain_ruling,
  explain_featurewording, explain_lettertemplate, explain_letter from countersign_app;
revoke delete on explain_dispute, explain_correction from countersign_app;
revoke update on explain_correction from countersign_app;
grant update (state, sealed_result, error, attempts, touched_at, finished_at) on explain_correction to countersign_app;

create function explain_refuse() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: what was sent stays', lower(tg_op), tg_table_name;
end $$;
create trigger sent_stays before update or delete on explain_letter for each row execute function explain_refuse();
create trigger no_truncate before truncate on explain_letter for each statement execute function explain_refuse();
alter table explain_letter enable always trigger sent_stays;
alter table explain_letter enable always trigger no_truncate;
"""

BACKWARD = """
drop trigger no_truncate on explain_letter;
drop trigger sent_stays on explain_letter;
drop function explain_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("explain", "0003_cases"), ("accounts", "0001_database_roles")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
