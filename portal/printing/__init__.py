"""Documents as PDF/A-3, set by typst from data. Pure."""
