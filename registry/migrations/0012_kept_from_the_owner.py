"""What grants keep from the application is kept from a slip of the tables' owner, too.

Of incidents, risks and classifications, whose rows are only added; of an incident and a hold some columns move on, and
the row stays.
"""

from django.db import migrations

ADDED = ["incidentversion", "incidentlink", "incidentstep", "incidentmessage", "incidentfile", "risk"]
STAYING = ["incident", "incidenthold"]
# Their rows were kept before; not all of them at once.
KEPT = [
    *("assessment", "incidentreport", "filing", "riskrevision", "riskacceptance", "residualacceptance"),
    *("systemclassification", "organisation", "registration"),
]

FORWARD = "\n".join(
    [
        "set local lock_timeout = '5s';",
        *(
            f"create trigger said_stays before update or delete on registry_{table} "
            "for each row execute function registry_refuse();"
            for table in ADDED
        ),
        *(
            f"create trigger said_stays before delete on registry_{table} for each row execute function registry_refuse();"
            for table in STAYING
        ),
        *(
            f"create trigger no_truncate before truncate on registry_{table} "
            "for each statement execute function registry_refuse();"
            for table in (*ADDED, *STAYING, *KEPT)
        ),
    ]
)
BACKWARD = "\n".join(
    [
        *(f"drop trigger said_stays on registry_{table};" for table in (*ADDED, *STAYING)),
        *(f"drop trigger no_truncate on registry_{table};" for table in (*ADDED, *STAYING, *KEPT)),
    ]
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0011_frozen_dossiers")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
