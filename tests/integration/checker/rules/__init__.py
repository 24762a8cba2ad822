"""The rules: each module's `check(run)` yields the violations of one kind of promise."""
