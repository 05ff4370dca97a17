"""The full check of the trail: everything derived anew from the stored entries, and compared with what is kept."""
