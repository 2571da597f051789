"""A chat on Django Channels and on Starlette, traced with otel-ws."""
