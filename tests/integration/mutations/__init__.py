"""Each mechanism taken out of the code in turn: the checker must notice. Run by tests/mutations."""
