"""Who was last asked to vouch for the log, when, and why they did not."""

from django.db import migrations, models

ASKED = """
create table audit_asked (
  kind text not null check (kind in ('witness', 'rfc3161')),
  name text not null,
  at timestamptz not null,
  problem text not null,
  primary key (kind, name)
);
grant select, insert, update (at, problem) on audit_asked to countersign_app;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_erasure_and_retention")]
    operations = [
        migrations.RunSQL(ASKED, "drop table audit_asked"),
        migrations.CreateModel(
            name='Asked',
            fields=[
                ('pk', models.CompositePrimaryKey('kind', 'name', blank=True, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('witness', 'Witness'), ('rfc3161', 'Rfc3161')], max_length=16)),
                ('name', models.CharField(max_length=160)),
                ('at', models.DateTimeField()),
                ('problem', models.TextField()),
            ],
            options={
                'db_table': 'audit_asked',
                'managed': False,
            },
        ),
    ]
