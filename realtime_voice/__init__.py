"""The modules of the server; server.py puts them together."""
