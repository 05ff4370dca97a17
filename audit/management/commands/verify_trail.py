"""`verify_trail`: exit 0 verified, 1 contradicted, 2 could not be checked."""

from __future__ import annotations

import json
import sys

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from audit.verification import contradictions
from portal.times import rfc3339


class Command(BaseCommand):
    help = "Check every entry of the trail: bytes against leaf, columns and payloads against bytes."

    def add_arguments(self, parser):
        parser.add_argument("--since", help="RFC 3339; check only entries from then on")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args, since=None, **options):
        moment = rfc3339(since or "")
        if since and moment is None:
            error = "--since is not an RFC 3339 time with an offset"
            self.finish(options, 2, {"verdict": "not_checked", "error": error})
        checked, found = 0, []
        try:
            for item in contradictions(moment):
                checked += 1
                if item:
                    found.append({"entry": item.entry, "what": item.what})
        except DatabaseError as error:
            self.finish(options, 2, {"verdict": "not_checked", "error": str(error).strip()})
        verdict = "contradicted" if found else "verified"
        self.finish(options, 1 if found else 0, {"verdict": verdict, "entries": checked, "contradictions": found[:100]})

    def finish(self, options, code, result):
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(f"{result['verdict']}: {result.get('entries', 0)} entries checked")
            for item in result.get("contradictions", []):
                self.stdout.write(f"  {item['entry']}: {item['what']}")
            if "error" in result:
                self.stdout.write(f"  {result['error']}")
        sys.exit(code)
