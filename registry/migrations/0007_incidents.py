"""Serious incidents and the holds on versions."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_lost_check_runs")]

    operations = []
