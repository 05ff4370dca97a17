"""A finished explanation may have lost its report, and a dispute its claim: the decision's data was erased."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('explain', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='explanation',
            name='explanation_done_has_report',
        ),
        migrations.AddField(
            model_name='dispute',
            name='erased_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='explanation',
            name='erased_on',
            field=models.DateField(null=True),
        ),
        migrations.AddConstraint(
            model_name='explanation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('report__isnull', False), ('report_sha256__isnull', False)), models.Q(('erased_on__isnull', False), ('report__isnull', True), ('report_sha256__isnull', False)), _connector='OR'), name='explanation_done_has_report'),
        ),
    ]
