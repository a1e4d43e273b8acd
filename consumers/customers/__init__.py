"""Customers: which accounts of a forge may push here, by a list that the operator keeps."""
