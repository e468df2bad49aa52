//! Seeded worlds and scripted faults.
