"""How long a program takes on a K210, estimated from what is published about it."""
