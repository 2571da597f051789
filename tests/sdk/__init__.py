"""The SDK's own tests of spans, with lean ones."""
