"""Erasing a person's data from the trail, which goes on being provable; legal holds; the rotation of the data key."""
