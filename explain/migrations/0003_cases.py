"""Cases: policies, what is done and said in them, corrections, rulings, wording and letters."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('explain', '0002_erased'),
    ]

    operations = [
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('media_type', models.CharField(max_length=64)),
                ('size', models.PositiveIntegerField()),
                ('sealed_name', models.BinaryField()),
                ('sealed', models.BinaryField()),
                ('sealed_sha256', models.CharField(max_length=64)),
                ('added_by', models.CharField(max_length=160)),
                ('added_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['added_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='CaseStep',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('entry_id', models.UUIDField()),
                ('event', models.CharField(max_length=64)),
                ('round', models.PositiveSmallIntegerField()),
                ('done_by', models.CharField(max_length=160)),
                ('done_at', models.DateTimeField()),
                ('details', models.JSONField(default=dict)),
                ('sealed', models.BinaryField(null=True)),
            ],
            options={
                'ordering': ['entry_id'],
            },
        ),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('round', models.PositiveSmallIntegerField()),
                ('state', models.CharField(default='queued', max_length=16)),
                ('changed', models.JSONField()),
                ('sealed_inputs', models.BinaryField()),
                ('sealed_result', models.BinaryField(null=True)),
                ('error', models.TextField(blank=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('asked_by', models.CharField(max_length=160)),
                ('asked_at', models.DateTimeField()),
                ('touched_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-asked_at'],
            },
        ),
        migrations.CreateModel(
            name='DisputePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('system', models.CharField(max_length=64)),
                ('days', models.PositiveSmallIntegerField()),
                ('blind_review', models.BooleanField(default=False)),
                ('by_support', models.BooleanField(default=False)),
                ('jurisdiction', models.CharField(max_length=8)),
                ('language', models.CharField(max_length=8)),
                ('sender', models.TextField(blank=True)),
                ('contact', models.TextField(blank=True)),
                ('authority', models.TextField(blank=True)),
                ('reason', models.TextField()),
                ('changed_by', models.CharField(max_length=160)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='FeatureWording',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('system', models.CharField(max_length=64)),
                ('feature', models.CharField(max_length=128)),
                ('language', models.CharField(max_length=8)),
                ('title', models.CharField(max_length=200)),
                ('sentence', models.TextField(blank=True)),
                ('changed_by', models.CharField(max_length=160)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Letter',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('delivery', models.CharField(max_length=32)),
                ('sealed_content', models.BinaryField()),
                ('sealed_pdf', models.BinaryField()),
                ('pdf_bytes', models.PositiveIntegerField()),
                ('pdf_sha256', models.CharField(max_length=64)),
                ('sent_by', models.CharField(max_length=160)),
                ('sent_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['sent_at'],
            },
        ),
        migrations.CreateModel(
            name='LetterTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('jurisdiction', models.CharField(max_length=8)),
                ('language', models.CharField(max_length=8)),
                ('kind', models.CharField(max_length=16)),
                ('number', models.PositiveIntegerField()),
                ('title', models.CharField(max_length=200)),
                ('body', models.TextField()),
                ('reason', models.TextField()),
                ('saved_by', models.CharField(max_length=160)),
                ('saved_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['jurisdiction', 'language', 'kind', '-number'],
            },
        ),
        migrations.CreateModel(
            name='Ruling',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('round', models.PositiveSmallIntegerField()),
                ('outcome', models.CharField(choices=[('upheld', 'The decision stands'), ('overturned', 'The decision is overturned'), ('corrected', 'The inputs were wrong and are corrected')], max_length=16)),
                ('reason_code', models.CharField(max_length=32)),
                ('answer_before', models.CharField(max_length=64)),
                ('answer_now', models.CharField(max_length=64)),
                ('label_effect', models.CharField(choices=[('flip', 'Flip'), ('confirm', 'Confirm'), ('feature_correction', 'Feature Correction'), ('none', 'None')], max_length=24)),
                ('sealed_grounds', models.BinaryField()),
                ('decided_by', models.CharField(max_length=160)),
                ('decided_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['dispute', '-round'],
            },
        ),
        migrations.AddField(
            model_name='dispute',
            name='closed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='dispute',
            name='extended_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='dispute',
            name='identity',
            field=models.CharField(default='', max_length=32),
        ),
        migrations.AddField(
            model_name='dispute',
            name='identity_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='dispute',
            name='identity_by',
            field=models.CharField(max_length=160, null=True),
        ),
        migrations.AddField(
            model_name='dispute',
            name='is_blind',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='dispute',
            name='owner',
            field=models.CharField(max_length=160, null=True),
        ),
        migrations.AddField(
            model_name='dispute',
            name='reviewer',
            field=models.CharField(max_length=160, null=True),
        ),
        migrations.AddField(
            model_name='dispute',
            name='round',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='dispute',
            name='sealed_claim',
            field=models.BinaryField(null=True),
        ),
        migrations.AlterField(
            model_name='dispute',
            name='claim',
            field=models.TextField(default=''),
        ),
        migrations.AddIndex(
            model_name='dispute',
            index=models.Index(fields=['due_at', 'number'], name='dispute_by_deadline'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('reviewer', None), models.Q(('reviewer', models.F('opened_by')), _negated=True), _connector='OR'), name='dispute_reviewed_by_another'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('identity', ''), ('identity_by__isnull', False), _connector='OR'), name='dispute_identity_by_someone'),
        ),
        migrations.AddField(
            model_name='attachment',
            name='dispute',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='explain.dispute'),
        ),
        migrations.AddField(
            model_name='casestep',
            name='dispute',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='explain.dispute'),
        ),
        migrations.AddField(
            model_name='correction',
            name='dispute',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='explain.dispute'),
        ),
        migrations.AddIndex(
            model_name='disputepolicy',
            index=models.Index(fields=['system', '-id'], name='dispute_policy_newest'),
        ),
        migrations.AddConstraint(
            model_name='disputepolicy',
            constraint=models.CheckConstraint(condition=models.Q(('days__range', (1, 365))), name='dispute_policy_days'),
        ),
        migrations.AddIndex(
            model_name='featurewording',
            index=models.Index(fields=['system', 'language', 'feature', '-id'], name='wording_newest'),
        ),
        migrations.AddField(
            model_name='letter',
            name='dispute',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='letters', to='explain.dispute'),
        ),
        migrations.AddConstraint(
            model_name='lettertemplate',
            constraint=models.UniqueConstraint(fields=('jurisdiction', 'language', 'kind', 'number'), name='letter_template_version_unique'),
        ),
        migrations.AddConstraint(
            model_name='lettertemplate',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('upheld', 'changed'))), name='letter_template_kind_known'),
        ),
        migrations.AddField(
            model_name='letter',
            name='template',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='explain.lettertemplate'),
        ),
        migrations.AddField(
            model_name='ruling',
            name='correction',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='explain.correction'),
        ),
        migrations.AddField(
            model_name='ruling',
            name='dispute',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rulings', to='explain.dispute'),
        ),
        migrations.AddField(
            model_name='letter',
            name='ruling',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='letter', to='explain.ruling'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'done', 'failed'])), name='correction_state_known'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), ('sealed_result__isnull', False), _connector='OR'), name='correction_done_has_result'),
        ),
        migrations.AddConstraint(
            model_name='ruling',
            constraint=models.UniqueConstraint(fields=('dispute', 'round'), name='ruling_once_a_round'),
        ),
        migrations.AddConstraint(
            model_name='ruling',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('correction__isnull', False), ('outcome', 'corrected')), models.Q(('outcome', 'corrected'), _negated=True), _connector='OR'), name='ruling_corrected_by_correction'),
        ),
        migrations.AddConstraint(
            model_name='ruling',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answer_now', models.F('answer_before')), ('outcome', 'upheld')), models.Q(('outcome', 'overturned'), models.Q(('answer_now', models.F('answer_before')), _negated=True)), ('outcome', 'corrected'), _connector='OR'), name='ruling_overturns_or_upholds'),
        ),
    ]
