"""Starts and supervises the OpenStack world, and lets tests observe it and inject faults."""
