"""What the commands do: files in and out, reports, exit codes."""
