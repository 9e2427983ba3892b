"""What the server is made of: a session from its arrival to its end."""
