"""What is asked: the configuration, the runs it asks for, the identity of a run."""
