"""What can be launched: definitions, jobs, settings and the command line."""
