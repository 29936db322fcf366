"""A site with one app and no database of its own."""

SECRET_KEY = "an example's"  # noqa: S105
INSTALLED_APPS = ["reports"]
USE_TZ = True
