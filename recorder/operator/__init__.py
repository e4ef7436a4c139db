"""What people see and press: the picture, the keys, the socket for other terminals."""
