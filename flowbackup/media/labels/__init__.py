"""Who a medium is: its label, written twice, and the documents beside it."""
