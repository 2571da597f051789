"""The documentation says what the code does: its programs run, its tables agree."""
