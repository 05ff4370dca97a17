"""Whether somebody waits for an explanation, or it was asked for in bulk; and the second method's number."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('explain', '0004_what_stays'),
    ]

    operations = [
        migrations.AddField(
            model_name='explanation',
            name='is_urgent',
            field=models.BooleanField(default=True),
        ),
        migrations.AlterField(
            model_name='explanation',
            name='method_version',
            field=models.PositiveIntegerField(default=2),
        ),
    ]
