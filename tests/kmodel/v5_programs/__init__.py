"""Programs of version 5: made by hand of one operation each, and cut out of compiled ones."""
