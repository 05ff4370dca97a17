"""Every address of the portal."""
urlpatterns: list = []
