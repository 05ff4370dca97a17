"""When a run of the checks was last touched, and how often it was taken: for the sweep that sends lost ones again."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0005_source_names'),
    ]

    operations = [
        migrations.AddField(
            model_name='checkrun',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='checkrun',
            name='touched_at',
            field=models.DateTimeField(null=True),
        ),
    ]
