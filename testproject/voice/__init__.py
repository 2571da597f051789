"""A voice assistant over one WebSocket: speech in, speech out, on Channels and on Starlette."""
