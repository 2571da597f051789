"""A Grafana dashboard and Prometheus alert rules, made from the table of our instruments.

``scripts/dashboards`` writes them to ``docs/dashboards``.
"""
