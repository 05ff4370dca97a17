"""JSON in, read strictly. Apart from `portal.rest`, since DRF reads its parsers while it is itself being imported."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from portal.strict_json import JsonRefused, parse


class StrictJSONParser(JSONParser):
    """Reads a request's JSON by `portal.strict_json`."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: dict | None = None) -> Any:
        body = stream.read()
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            return parse(body)
        except JsonRefused as error:
            raise ParseError(str(error)) from None
