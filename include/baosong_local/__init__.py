"""What production does not run: the embedded stack, the demo, samples, installation, developer tools."""
