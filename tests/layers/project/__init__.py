"""A Django project in which everything sends: views, commands, threads, workers, consumers."""
