"""Does the checker find each kind of violation, and nothing just inside a bound? Journals without a run."""
