"""The nemesis: a system under load whose parts are killed, frozen, cut off and emptied, and what everybody saw of it,
written down for the checker. `tests/nemesis --help`; how it is made: README.md of the folder above."""
