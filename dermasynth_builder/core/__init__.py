"""What every stage stands on: records, options, errors, what is plugged in, files and images."""
