"""The portal as a WSGI application."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

# What is loaded by now stays: the collector need not walk it again. And a large report makes and keeps hundreds of
# thousands of small objects, after each 700 of which it would look for cycles by default.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
