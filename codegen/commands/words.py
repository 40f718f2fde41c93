"""Words that several commands share."""

SPEC = "A file, -, the name of an example, or a network in one line."
FORCE = "Overwrite files that a person has changed."
