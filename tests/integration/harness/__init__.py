"""What the integration tests stand on: real processes, a real Redis, real clients. See ../README.md."""
