"""Where frames come from and go to by ear: devices, files, sound servers, and the ring between them and the disk."""
