"""Index terms become array expressions."""
