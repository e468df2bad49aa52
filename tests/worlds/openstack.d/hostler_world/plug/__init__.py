"""Plug-ins of the services, in place of real machines and switches."""
