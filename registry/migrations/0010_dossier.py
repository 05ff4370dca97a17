"""Law, statements, documents and frozen dossiers."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0009_classification")]

    operations = []
