"""Every setting of the product, read once from the environment; wrong values stop the start with a sentence."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF

from portal import database, vault
from portal.embedded.paths import redis_url
from portal.env import env_bool, env_int, env_list, env_path, env_secret, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env_path("VAR_DIR", BASE_DIR / "var")
ARTIFACT_DIR = env_path("ARTIFACT_DIR", VAR_DIR / "artifacts")

DEMO_MODE = env_bool("DEMO_MODE")
DEBUG = env_bool("DEBUG")
PORTAL_PORT = env_int("PORTAL_PORT", 8000)
GATEWAY_PORT = env_int("GATEWAY_PORT", 8001)
PORTAL_URL = env_str("PORTAL_URL", f"http://localhost:{PORTAL_PORT}")
GATEWAY_URL = env_str("GATEWAY_URL", f"http://localhost:{GATEWAY_PORT}")


SECRET_KEY = vault.secret("SECRET_KEY", VAR_DIR)
# Keys the tokens by which a subject's decisions are found; changing it makes earlier ones unfindable.
SUBJECT_KEY = vault.secret("SUBJECT_KEY", VAR_DIR)
LOG_ORIGIN = vault.log_origin()

ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
SECURE_TRANSPORT = env_bool("SECURE_TRANSPORT")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_TRANSPORT
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_TRANSPORT else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_TRANSPORT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 60 * 60

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "portal.accounts",
    "audit",
    "registry",
    "explain",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
]

MIDDLEWARE = [
    "portal.http.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "registry.uploads.UploadMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.http.RefusalMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.desks.context.frame",
            ],
        },
    }
]

# `default` is the app's role: INSERT and SELECT on the trail, no more. `owner` migrates.
DATABASES = {
    "default": database.django_database(database.APP_ROLE, VAR_DIR),
    "owner": database.django_database(database.OWNER, VAR_DIR),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
# Pages are in English; the dossier's papers are in each language that has a folder here. Named, so that no library's
# words for the same sentence come before ours.
LOCALE_PATHS = [BASE_DIR / "registry" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "portal.static_files.PlotlyFinder",
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# Plotly inserts two constant style sheets while it loads: an empty one, and MapLibre's (plotly.js 2.35.2).
PLOTLY_STYLES = [
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-gG0b4ixT/IQUp7JJLbyKcpYcYDjq2Wp8NGv3f+aasqo='",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, *PLOTLY_STYLES],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Who cosigns the log's checkpoints: verifier key by address. From WITNESSES="https://witness.example/ name+id+key, …"
# and from a file with one of them a line.
WITNESSES_FILE = env_path("WITNESSES_FILE", VAR_DIR / "witnesses")
_witnesses = env_list("WITNESSES") + (WITNESSES_FILE.read_text().splitlines() if WITNESSES_FILE.is_file() else [])
WITNESSES = {url: vkey.strip() for url, _, vkey in (line.partition(" ") for line in _witnesses if line.strip())}
# A timestamp authority (RFC 3161), and the file with its certificate and those above it (PEM).
TSA_URL = env_str("TSA_URL")
TSA_CERTIFICATE_FILE = env_str("TSA_CERTIFICATE_FILE")

# Whose CI is believed besides GitHub's and GitLab's own, as JSON; and for whom its tokens must be meant.
CI_ISSUERS = env_secret("CI_ISSUERS")
CI_AUDIENCE = env_str("CI_AUDIENCE", PORTAL_URL)

# How long registering a version by the API waits for the checks' verdicts, so that CI gets them in the answer.
CHECKS_WAIT_SECONDS = env_int("CHECKS_WAIT_SECONDS", 20)

CELERY_BROKER_URL = env_secret("CELERY_BROKER_URL") or redis_url(VAR_DIR)

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# The largest artifact that the portal takes, in bytes.
ARTIFACT_MAX_BYTES = env_int("ARTIFACT_MAX_BYTES", 512 * 1024 * 1024)
# Minutes that half of a decision (a request or a response of a model server) waits for its other half.
INTAKE_HALF_MINUTES = env_int("INTAKE_HALF_MINUTES", 60)
# Whether a worker prepares the live versions when it starts; one that explains nothing need not.
WARM_UP = env_bool("WARM_UP", True)
# MiB of address space that a process may take which explains, and what of it prepared versions may keep between jobs.
EXPLAIN_MEMORY_MB = env_int("EXPLAIN_MEMORY_MB", 4_096)
EXPLAIN_WARM_MB = env_int("EXPLAIN_WARM_MB", 1_024)
# Models that are served elsewhere: the hosts that may be asked (`host`, `host:port`, or a network into which they may
# resolve), with which bearer tokens (`host=token`), and for how long (s).
REMOTE_MODEL_HOSTS = env_list("REMOTE_MODEL_HOSTS")
REMOTE_MODEL_TOKENS = env_secret("REMOTE_MODEL_TOKENS")
REMOTE_MODEL_SECONDS = env_int("REMOTE_MODEL_SECONDS", 10)
# Days from the receipt of a dispute until its answer is due.
DISPUTE_DUE_DAYS = env_int("DISPUTE_DUE_DAYS", 30)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.accounts.authentication.BearerTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.parsers.StrictJSONParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "portal.rest.refusal_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Countersign",
    "DESCRIPTION": "The portal where an organisation answers for its models.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {"django.server": {"level": "WARNING"}, "celery": {"level": "WARNING"}},
}
