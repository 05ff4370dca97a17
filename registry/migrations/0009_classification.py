"""Classification of systems and who provides them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_risks")]

    operations = []
