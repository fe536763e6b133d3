"""The program in front of rclone; a package of its own, so that its start imports nothing but this."""
