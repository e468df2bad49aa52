"""What the services load: where a real cloud has machines and switches."""
