"""A trusted source has a name, since nobody knows a repository by its id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_what_stays")]
    operations = [
        migrations.AddField(
            "trustedsource", "name", models.CharField(max_length=160, default=""), preserve_default=False
        )
    ]
