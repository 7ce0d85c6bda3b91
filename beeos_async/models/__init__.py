"""What travels: Structs and nothing else, one file for each group of the API."""
