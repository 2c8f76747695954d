"""What paod costs, measured against something that anyone can run."""
