"""The statement pack: what a delegation marks and publishes."""
