"""One script per rule of the workflow, and those that a person calls by hand."""
