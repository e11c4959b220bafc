"""First starts, under everything that can go wrong around them."""
