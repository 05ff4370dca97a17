"""For how long decisions are kept: maxima for each system, archives of whole months, and their drop."""
