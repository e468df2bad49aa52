"""What brings the OpenStack world up, keeps it, and lets tests look at it and disturb it."""
